package module_test

import (
	"fmt"
	"reflect"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

type fakeStore struct{ clock *Clock }

func (s *fakeStore) Save(string) string { return "fake at " + s.clock.now }

func newFakeStore(c *Clock) *fakeStore { return &fakeStore{c} }

func ExampleOverrideWith() {
	store := module.New("store", module.Providers(NewClock), module.Exports(module.As[Store](NewMemory)))
	root := module.New("app", module.Imports(store), module.Providers(NewService))

	graph, err := module.Resolve(root, module.OverrideWith(module.As[Store](newFakeStore))) // injects the *Clock of module store
	if err != nil {
		fmt.Println(err)
		return
	}
	fx.New(graph.Fx(), fx.NopLogger)
	for _, s := range module.Find[*Service](graph) {
		fmt.Println(s.store.Save("hello"))
	}
	// Output:
	// fake at noon
}

func ExampleOverrideModule() {
	store := module.New("store", module.Exports(module.As[Store](NewMemory))) // without a Clock
	root := module.New("app", module.Imports(store), module.Providers(NewService))

	fake := module.New("store", module.Providers(NewClock), module.Exports(module.As[Store](newFakeStore)))
	graph, err := module.Resolve(root, module.OverrideModule(store, fake))
	if err != nil {
		fmt.Println(err)
		return
	}
	fx.New(graph.Fx(), fx.NopLogger)
	for _, s := range module.Find[*Service](graph) {
		fmt.Println(s.store.Save("hello"))
	}
	// Output:
	// fake at noon
}

func TestOverrideWith(t *testing.T) {
	fail := func(what string) { t.Error(what + " was called") }
	calls := 0
	private := func() int { fail("what only the replaced constructor needs"); return 0 }
	a := module.New("a", module.Providers(private, func() string { return "a" }),
		module.Exports(module.Mark(func(int) *C { fail("the replaced constructor"); return nil }, "mark")))
	b := module.New("b", module.Providers(func() string { return "b" }, module.Value(&C{9}), func(c *C) *A { return &A{} }))
	root := module.New("root", module.Imports(a, b), module.Providers(NewB))
	g := start(t, root, module.OverrideWith(func(s string) (*C, error) {
		calls++
		return &C{int(s[0])}, nil
	}))
	if got := get[*B](t, g).C.id; got != 'a' || calls != 2 {
		t.Errorf("got C %c after %d calls, want that of module a and 2", got, calls)
	}
	marked := 0
	for inst := range module.Marked[string](g) {
		marked += inst.Value.(*C).id
	}
	if marked != 'a' {
		t.Errorf("marked instances %d", marked)
	}
}

func TestOverrideWithOneOfSeveralResults(t *testing.T) {
	for _, first := range []bool{true, false} {
		both := any(func() (*B, *C) { return &B{}, &C{1} })
		if first {
			both = func() (*C, *B) { return &C{1}, &B{} }
		}
		g := start(t, module.New("root", module.Providers(func() string { return "x" }, module.Mark(both, "mark"), func(c *C) *D {
			if c.id != 2 {
				t.Errorf("got C %d", c.id)
			}
			return nil
		})), module.OverrideWith(func(string) *C { return &C{2} }))
		if get[*B](t, g) == nil || get[*C](t, g).id != 2 {
			t.Error("wrong instances")
		}
		for inst := range module.Marked[string](g) {
			if _, ok := inst.Value.(*C); ok != first {
				t.Errorf("%v has the mark", inst.Value)
			}
		}
	}
}

// The last override of a type counts, of either kind.
func TestOverrideTwice(t *testing.T) {
	root := module.New("root", module.Providers(NewC, NewB))
	with := module.OverrideWith(func() *C { return &C{2} })
	if got := get[*B](t, start(t, root, module.Override(&C{1}), with)).C.id; got != 2 {
		t.Errorf("got C %d, want that of the constructor", got)
	}
	if got := get[*B](t, start(t, root, with, module.Override(&C{1}))).C.id; got != 1 {
		t.Errorf("got C %d, want the value", got)
	}
}

func TestOverrideWithMistakes(t *testing.T) {
	root := module.New("root", module.Providers(module.As[Namer](NewC)))
	for _, test := range []struct {
		by   any
		want string
	}{
		{NewC, `
module.OverrideWith(NewC) (override_test.go): no module provides *module_test.C
hint: NewC (main_test.go) of module root (override_test.go) provides module_test.Namer; use module.OverrideWith(module.As[module_test.Namer](NewC))`},
		{nil, `
module.OverrideWith (override_test.go): the argument is nil
hint: write a constructor, such as NewService`},
		{&C{}, `
module.OverrideWith (override_test.go): the argument is of type *module_test.C, not a constructor
hint: pass a function that returns the value, or pass the value to module.Override`},
		{module.Value(&C{}), `
module.OverrideWith (override_test.go): the argument is Value[*module_test.C]
hint: pass a constructor, or pass the value to module.Override`},
		{module.Named("x", NewC), `
module.OverrideWith (override_test.go): the argument has a name, a mark or attached constructors, which stay those of the provider that is replaced
hint: pass the constructor, alone or in module.As`},
		{func() (*B, *C) { return nil, nil }, `
module.OverrideWith (override_test.go): TestOverrideWithMistakes.func1 has several results
hint: return the one value that replaces the provider`},
		{module.As[Namer](NewClock), `
module.OverrideWith (override_test.go): NewClock provides *module_test.Clock as module_test.Namer, which it does not implement: method ID is missing
hint: correct the type in module.As`},
		{func(*D) Namer { return nil }, `
module root (override_test.go): TestOverrideWithMistakes.func2 (override_test.go) needs *module_test.D (parameter 1), which is not available in the module
hint: add a constructor for it to module.Providers`},
	} {
		wantProblems(t, test.want, root, module.OverrideWith(test.by))
	}
	attached := module.New("root", module.Providers(module.Attach(NewC, NewClock)))
	wantProblems(t, `
module.Override[int] (override_test.go): no module provides int
hint: remove it, or override the type that constructors inject, or one that is bound by a constructor: *module_test.Clock of NewClock (example_test.go)`,
		attached, module.Override(1))
	raw := module.New("root", module.Providers(module.FromFx[*C]()), module.Fx(fx.Provide(fx.Private, NewC)))
	wantProblems(t, `
module root (override_test.go): FromFx[*module_test.C] (override_test.go) is of raw fx options, in which module.OverrideWith(NewC) (override_test.go) has no effect
hint: pass a value to module.Override`, raw, module.OverrideWith(NewC))
}

func TestOverrideModule(t *testing.T) {
	deep := module.New("deep", module.Exports(func() int { t.Error("deep was built"); return 0 }))
	store := module.New("store", module.Imports(deep), module.Exports(func(int) *C { t.Error("store was built"); return nil }))
	fake := module.New("fake", module.Exports(func() *C { return &C{3} }))
	again := module.New("again", module.Exports(store))
	g := start(t, module.New("root", module.Imports(store, again), module.Providers(NewB)), module.OverrideModule(store, fake))
	if got := get[*B](t, g).C.id; got != 3 {
		t.Errorf("got C %d", got)
	}
	var modules string
	for m := range g.Modules() {
		modules += m.Name() + " "
	}
	if modules != "fake again root " {
		t.Errorf("modules %s", modules)
	}
}

// A replacement that imports the module changes a part of it.
func TestOverrideModuleByOneThatImportsIt(t *testing.T) {
	store := module.New("store", module.Exports(NewC, func() string { return "kept" }))
	fake := module.New("fake", module.Exports(store, func() *C { return &C{3} }))
	g := start(t, module.New("root", module.Imports(store), module.Providers(NewB, func(string) *D { return &D{} })), module.OverrideModule(store, fake))
	if got := get[*B](t, g).C.id; got != 3 {
		t.Errorf("got C %d", got)
	}
}

func TestOverrideModuleMistakes(t *testing.T) {
	store, other := module.New("store"), module.New("other")
	root := module.New("root", module.Imports(store))
	wantProblems(t, `
module.OverrideModule (override_test.go): no module imports other (override_test.go)
hint: pass one of these: store (override_test.go)`, root, module.OverrideModule(other, store))
	wantProblems(t, `
module.OverrideModule (override_test.go): no module imports other (override_test.go)
hint: remove it`, module.New("root"), module.OverrideModule(other, store))
	wantProblems(t, `
module.OverrideModule (override_test.go): root (override_test.go) is the root module
hint: resolve the other module in place of it`, root, module.OverrideModule(root, store))
	wantProblems(t, `
module.OverrideModule (override_test.go): a module is nil
hint: declare modules with `+"`var Module = module.New(…)`", root, module.OverrideModule(store, nil))
}

// What nothing injects may be replaced by a value of any type.
func TestOverrideAttached(t *testing.T) {
	type mark struct{}
	root := module.New("root", module.Providers(module.Attach(NewB, module.Mark(func(int) *Clock {
		t.Error("the attached constructor was called")
		return nil
	}, mark{})), NewC, func() int { t.Error("what only it needs was built"); return 0 }))
	g := start(t, root, module.OverrideAttached(reflect.TypeFor[*Clock](), "another type"), module.WithValue(mark{}, 7))
	for inst := range module.Marked[mark](g) {
		if inst.Value != "another type" {
			t.Errorf("got %v", inst.Value)
		}
	}
	if g.Value(mark{}) != 7 || g.Value(1) != nil {
		t.Error("the graph does not carry the value")
	}
}
