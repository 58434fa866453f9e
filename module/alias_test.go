package module_test

import (
	"fmt"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

func ExampleAlias() {
	memory := module.New("memory", module.Providers(NewClock), module.Exports(NewMemory)) // a *Memory
	root := module.New("app",
		module.Imports(memory),
		module.Providers(module.Alias[Store, *Memory](), NewService), // needs a Store
	)
	graph, err := module.Resolve(root)
	if err != nil {
		fmt.Println(err)
		return
	}
	fx.New(graph.Fx(), fx.NopLogger)
	for _, s := range module.Find[*Service](graph) {
		fmt.Println(s.store.Save("hello"))
	}
	// Output:
	// hello saved at noon
}

func TestAlias(t *testing.T) {
	g := start(t, module.New("root", module.Providers(NewC, NewB, module.Alias[Namer, *C](), module.Alias[Named, Namer]()),
		module.Controllers(func(n Named, c *C) *D {
			if n != Named(c) {
				t.Error("the alias is another instance")
			}
			return nil
		})))
	if get[*B](t, g) == nil {
		t.Error("no B")
	}
	wantProblems(t, `
module root (alias_test.go): argument 1 of module.Providers is module.Alias[module_test.Namer, *module_test.Clock] (alias_test.go): provides *module_test.Clock as module_test.Namer, which it does not implement: method ID is missing
hint: correct the types`, module.New("root", module.Providers(module.Alias[Namer, *Clock]())))
	wantProblems(t, `
module root (alias_test.go): Alias[module_test.Namer, *module_test.C] (alias_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: add a constructor for it to module.Providers`, module.New("root", module.Providers(module.Alias[Namer, *C]())))
	// Two aliases of the same form are different providers, also with an override.
	g = start(t, module.New("root", module.Providers(NewC, module.Alias[Namer, *C](), module.Alias[Named, *C](),
		func(n Namer, other Named) *D { return nil })), module.Override(&C{7}))
	for _, c := range module.Find[*C](g) {
		if c.id != 7 {
			t.Errorf("C %d", c.id)
		}
	}
}
