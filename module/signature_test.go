package module_test

import (
	"slices"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

func TestResultObjects(t *testing.T) {
	type nested struct {
		fx.Out
		A *A
	}
	type out struct {
		fx.Out
		Nested nested
		B      *B     `name:"b"`
		Egg    *egg   `group:"eggs"`
		More   []*egg `group:"eggs,flatten"`
	}
	type inner struct {
		fx.In
		B *B `name:"b"`
	}
	type in struct {
		fx.In  `ignore-unexported:"true"`
		hidden int
		Eggs   []*egg `group:"eggs"`
		Inner  inner
		None   []*nest `group:"nests"`
	}
	build := func() (out, *C, error) {
		return out{Nested: nested{A: &A{}}, B: &B{}, Egg: &egg{}, More: []*egg{{}, {}}}, &C{}, nil
	}
	var got in
	far := module.New("far", module.Exports(build))
	g := start(t, module.New("root", module.Imports(far), module.Providers(
		func(i in, a *A, c *C) *D { got = i; got.hidden = 1; return nil },
		func() out { return out{B: &B{}, Egg: &egg{}} }, // hides the imported one
	)))
	if len(got.Eggs) != 4 || got.Inner.B == nil || len(got.None) != 0 {
		t.Errorf("got %+v", got)
	}
	var types []string
	for d := range g.Declared() {
		types = append(types, d.Type.String())
	}
	want := []string{
		"*module_test.A", "*module_test.B", "*module_test.egg", "[]*module_test.egg", "*module_test.C",
		"*module_test.A", "*module_test.B", "*module_test.egg", "[]*module_test.egg", "*module_test.D",
	}
	if !slices.Equal(types, want) {
		t.Errorf("declared %v", types)
	}
}

func TestGroupsRespectPrivacy(t *testing.T) {
	type out struct {
		fx.Out
		ID int `group:"ids"`
	}
	type in struct {
		fx.In
		IDs []int `group:"ids"`
	}
	member := func(id int) func() out { return func() out { return out{ID: id} } }
	far := module.New("far", module.Exports(member(1)), module.Providers(member(2)))
	aside := module.New("aside", module.Exports(member(3)))
	via := module.New("via", module.Imports(aside), module.Exports(far))
	global := module.New("global", module.Global(), module.Exports(member(4)), module.Providers(member(5)))
	var got []int
	start(t, module.New("root", module.Imports(via, global), module.Providers(member(6), func(i in) *D { got = i.IDs; return nil })),
		module.Provide(member(7)))
	slices.Sort(got)
	if !slices.Equal(got, []int{1, 4, 6, 7}) {
		t.Errorf("got %v", got)
	}
}

func TestVariadicAndOptional(t *testing.T) {
	type in struct {
		fx.In
		A *A     `optional:"true"`
		B *B     `optional:"true"`
		S string `name:"s" optional:"true"`
	}
	// fx provides *B in the whole application, but the module does not see it.
	leak := module.New("leak", module.Fx(fx.Provide(func() *B { return &B{} })))
	start(t, module.New("root", module.Imports(leak), module.Providers(
		func(a *A, more ...*C) *D {
			if a == nil || len(more) != 0 {
				t.Errorf("got %v, %v", a, more)
			}
			return nil
		},
		func(i in) (*egg, error) {
			if i.A == nil || i.B != nil || i.S != "" {
				t.Errorf("got %+v", i)
			}
			return nil, nil
		},
		module.Value(&A{}), NewC)))
}

func TestSignatureMistakes(t *testing.T) {
	type badIn struct {
		fx.In
		hidden int
	}
	type soft struct {
		fx.In
		IDs []int `group:"ids,soft"`
	}
	type pointer struct {
		*fx.In
	}
	const at = "module root (signature_test.go): "
	for want, ctor := range map[string]any{
		`TestSignatureMistakes.func1 (signature_test.go) is rejected by fx: unexported fields not allowed in dig.In, did you mean to export "hidden" (int)?
hint: correct the parameter or result object`: func(badIn) *D { return nil },
		`TestSignatureMistakes.func2 (signature_test.go) needs the soft value group "ids" (parameter 1, field IDs)
hint: all providers are built anyway; remove ",soft"`: func(soft) *D { return nil },
		`TestSignatureMistakes.func3 (signature_test.go) is rejected by fx: cannot build a parameter object by embedding *dig.In, embed dig.In instead: module_test.pointer embeds *dig.In
hint: correct the parameter or result object`: func(pointer, fx.Lifecycle) *D { return nil },
	} {
		_, err := module.Resolve(module.New("root", module.Providers(ctor)))
		if got := unnumbered(err.Error()); len(got) < len(at+want) || got[:len(at+want)] != at+want {
			t.Errorf("got:\n%s\nwant:\n%s", got, at+want)
		}
	}
	_ = badIn{}.hidden
}
