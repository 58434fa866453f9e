package module_test

import (
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

func TestProvideIsHiddenByOthers(t *testing.T) {
	exporter := module.New("exporter", module.Exports(module.Value(&C{1})))
	opts := []module.ResolveOption{module.Provide(module.Value(&C{2}), module.Value("x")), module.Provide(module.Value(1))}
	seen := func(imports ...*module.Module) int {
		return get[*B](t, start(t, module.New("root", module.Imports(imports...), module.Providers(NewB)), opts...)).C.id
	}
	if got := seen(exporter); got != 1 {
		t.Errorf("got C %d, want the imported", got)
	}
	if got := seen(); got != 2 {
		t.Errorf("got C %d, want the default", got)
	}
	if got := seen(module.New("g", module.Global(), module.Exports(module.Value(&C{3})))); got != 3 {
		t.Errorf("got C %d, want the global", got)
	}
	wantProblems(t, `
module defaults (resolve_option_test.go): argument 1 of module.Provide is nil
hint: write a constructor, such as NewService`, module.New("root"), module.Provide(nil))
	wantProblems(t, `
an option of module.Resolve is nil
hint: remove it`, module.New("root"), nil)
	if s := module.Provide(NewC).String() + " " + module.Override[Namer](nil).String(); s != "module.Provide(module_test.NewC) module.Override[module_test.Namer]" {
		t.Errorf("String %s", s)
	}
}

func TestOverride(t *testing.T) {
	fail := func(what string) { t.Error(what + " was called") }
	database := module.New("db",
		module.Providers(func() *nest { fail("the private dependency"); return nil },
			func(*nest) int { fail("its consumer"); return 0 },
			func() string { return "used" }),
		module.Exports(module.As[Namer](module.Mark(func(int, string) *C { fail("the overridden constructor"); return nil }, "mark")),
			func(s string, n Namer) *A { return &A{} }))
	root := module.New("root", module.Imports(database), module.Controllers(func(n Namer) *B { return &B{n.(*C)} }))
	fake := &C{5}
	g := start(t, root, module.Override[Namer](fake))
	if get[*B](t, g).C != fake {
		t.Error("not the fake")
	}
	for inst := range module.Marked[string](g) {
		if inst.Value != fake {
			t.Errorf("instance %v", inst.Value)
		}
	}
	if got := names(g); got != "TestOverride.func4 TestOverride.func5 TestOverride.func6 TestOverride.func7" {
		t.Errorf("instances %s", got)
	}
}

func TestOverrideOneOfSeveralResults(t *testing.T) {
	g := start(t, module.New("root", module.Providers(func() (*B, *C) { return &B{}, &C{1} }, func(c *C) *D {
		if c.id != 2 {
			t.Errorf("got C %d", c.id)
		}
		return nil
	})), module.Override(&C{2}))
	if get[*B](t, g) == nil || get[*C](t, g).id != 2 {
		t.Error("wrong instances")
	}
}

func TestOverrideOfNestedAs(t *testing.T) {
	var got Named
	start(t, module.New("root", module.Providers(module.As[Named](module.As[Namer](NewC)),
		func(n Named) *D { got = n; return nil })), module.Override[Namer](&C{4}))
	if got.ID() != 4 {
		t.Errorf("got %v", got)
	}
}

// Named is another interface of *C.
type Named interface{ ID() int }

func TestOverrideEverywhere(t *testing.T) {
	a := module.New("a", module.Providers(NewC, NewB))
	b := module.New("b", module.Providers(module.Named("x", NewC), module.Value(&C{}), NewB))
	raw := module.New("raw", module.Providers(module.FromFx[*C](), NewB),
		module.Fx(fx.Provide(fx.Private, func() *C { t.Error("called"); return nil })))
	fake := &C{8}
	g := start(t, module.New("root", module.Imports(a, b, raw)), module.Override(fake))
	for inst, v := range module.Find[*B](g) {
		if v.C != fake {
			t.Errorf("%s of %s got another C", inst, inst.Module)
		}
	}
}

func TestOverrideMistakes(t *testing.T) {
	wantProblems(t, `
module.Override[*module_test.C] (resolve_option_test.go): no module provides *module_test.C
hint: NewC (main_test.go) of module root (resolve_option_test.go) provides module_test.Namer; use module.Override[module_test.Namer]`,
		module.New("root", module.Providers(module.As[Namer](NewC))), module.Override(&C{}))
	wantProblems(t, `
module.Override[int] (resolve_option_test.go): no module provides int
hint: remove it, or override the type that constructors inject`, module.New("root"), module.Override(1))
	wantProblems(t, `
module root (resolve_option_test.go): NewC (main_test.go) also provides interface { ID() int }, which *module_test.myNamer of module.Override[module_test.Stringer] (resolve_option_test.go) does not implement
hint: override with a value that implements both`,
		module.New("root", module.Providers(module.As[interface{ ID() int }](module.As[Stringer](NewC)))), module.Override[Stringer](&myNamer{}))
}

// Stringer is an interface that everything implements.
type Stringer any

type myNamer struct{}
