package module_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/module"
)

func TestMermaid(t *testing.T) {
	base := module.New("base", module.Global(), module.Exports(NewC), module.Providers(module.Value("x")))
	mid := module.New(`mid "quoted"`, module.Exports(base, newPong, NewB), module.Providers(newPing))
	root := module.New("root", module.Imports(mid), module.Controllers(func(b *B, c *C, again *C) *A { return nil }))
	got := resolve(t, root, module.Override(&B{})).Mermaid()
	const want = `flowchart LR
  subgraph m0["base (global)"]
    p0(["NewC"])
    p1["Value[string]"]
  end
  subgraph m1["mid #quot;quoted#quot;"]
    p2(["newPong"])
    p3(["NewB (overridden)"])
    p4["newPing"]
  end
  subgraph m2["root"]
    p5[["TestMermaid.func1"]]
  end
  m1 ==> m0
  m2 --> m1
  p2 --> p4
  p4 -.-> p2
  p5 --> p3
  p5 --> p0
`
	if got != want {
		t.Errorf("got:\n%s", got)
	}
}
