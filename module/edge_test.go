package module_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

type edgeIn struct {
	fx.In

	B     *B
	Cs    []*C `group:"c"`
	Other *A   `optional:"true"`
}

func newEdges(edgeIn, fx.Lifecycle, Namer) string { return "" }

type edgeOut struct {
	fx.Out

	C *C `group:"c"`
}

func newEdgeOut() edgeOut { return edgeOut{} }

func newOtherOut() edgeOut { return edgeOut{} }

func TestEdges(t *testing.T) {
	base := module.New("base", module.Exports(module.As[Namer](NewC), newEdgeOut), module.Providers(newPing, newPong))
	root := module.New("root", module.Imports(base), module.Providers(newEdges, func() (*B, *C) { return nil, nil }, newOtherOut))
	g := resolve(t, root)
	var got []string
	for e := range g.Edges() {
		text := fmt.Sprintf("%s %s -> %s %s: %v", e.From.Module.Name(), e.From.Name, e.To.Module.Name(), e.To.Name, e.Type)
		if e.Lazy {
			text += " lazy"
		}
		got = append(got, text)
	}
	want := []string{
		"base module_test.newPing -> base module_test.newPong: *module_test.pong lazy",
		"base module_test.newPong -> base module_test.newPing: *module_test.ping",
		"root module_test.newEdges -> root module_test.TestEdges.func1: *module_test.B",
		"root module_test.newEdges -> root module_test.newOtherOut: *module_test.C",
		"root module_test.newEdges -> base module_test.newEdgeOut: *module_test.C",
		"root module_test.newEdges -> base module_test.NewC: module_test.Namer",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for range g.Edges() {
		break // the iterator must support an early end
	}
}
