package module_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/module"
)

func TestInstances(t *testing.T) {
	low := module.New("low", module.Exports(module.Mark(module.As[Namer](NewC), "first")))
	root := module.New("root", module.Imports(low),
		module.Controllers(module.Mark(func() (*A, *B, error) { return &A{}, &B{}, nil }, 1)))
	g := start(t, root)
	var got, declared []string
	for i := range g.Instances() {
		got = append(got, unnumbered(fmt.Sprintf("%s %s %s %T %v", i.Module.Name(), i, i.Kind, i.Value, i.Marks)))
	}
	for d := range g.Declared() {
		declared = append(declared, unnumbered(fmt.Sprintf("%s %s %s %v %v", d.Module.Name(), d, d.Kind, d.Type, d.Marks)))
		if d.Kind == module.KindProvider && (!d.Exported || d.Provides[0].String() != "module_test.Namer") {
			t.Errorf("declared %+v", d)
		}
	}
	want := []string{
		"low module_test.NewC (main_test.go) provider *module_test.C [first]",
		"root module_test.TestInstances.func1 (instance_test.go) controller *module_test.A [1]",
		"root module_test.TestInstances.func1 (instance_test.go) controller *module_test.B []",
	}
	if !slices.Equal(got, want) || !slices.Equal(declared, want) {
		t.Errorf("got:\n%s\ndeclared:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(declared, "\n"), strings.Join(want, "\n"))
	}
	for range g.Instances() {
		break // the iterator must support an early end
	}
	for range g.Declared() {
		break
	}
	mods := slices.Collect(g.Modules())
	if !slices.Equal(mods, []*module.Module{low, root}) {
		t.Errorf("modules %v", mods)
	}
	for range g.Modules() {
		break
	}
}

type markA struct{ n int }

type markB string

func (m markA) String() string { return fmt.Sprint(m.n) }

func TestMarked(t *testing.T) {
	g := start(t, module.New("root", module.Providers(
		module.Mark(module.Mark(module.Mark(NewC, markA{1}), markB("x")), markA{2}), module.Mark(NewB, markA{3}), NewA)))
	var got []string
	for inst, m := range module.Marked[markA](g) {
		got = append(got, inst.Name, fmt.Sprint(m.n))
	}
	if s := strings.Join(got, " "); s != "module_test.NewC 1 module_test.NewC 2 module_test.NewB 3" {
		t.Errorf("got %s", s)
	}
	for _, m := range module.Marked[fmt.Stringer](g) { // a mark may be found by interface
		if m.String() != "1" {
			t.Errorf("got %v", m)
		}
		break
	}
}

type empty struct{}

func (*empty) ID() int { return 0 }

type emptyToo struct{}

func (*emptyToo) ID() int { return 0 }

func TestFind(t *testing.T) {
	same := func(c *C) Namer { return c } // the same pointer as another type
	g := start(t, module.New("root", module.Providers(
		NewC, same, module.Value((*D)(nil)), module.Value((*empty)(nil)), func() *emptyToo { return &emptyToo{} }),
		// Two instances, even if their addresses are equal.
		module.Controllers(func() *empty { return &empty{} }, func() *empty { return &empty{} })))
	var got []string
	for inst := range module.Find[Namer](g) {
		got = append(got, fmt.Sprintf("%T", inst.Value))
	}
	if s := strings.Join(got, " "); s != "*module_test.C *module_test.emptyToo *module_test.empty *module_test.empty" {
		t.Errorf("got %s", s)
	}
	for range module.Find[Namer](g) {
		break
	}
}
