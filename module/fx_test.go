package module_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/gatehouse-go/gatehouse/module"
)

func TestFxTypesAreAvailable(t *testing.T) {
	var stopped bool
	root := module.New("root", module.Providers(func(lc fx.Lifecycle, sd fx.Shutdowner, dot fx.DotGraph) *D {
		lc.Append(fx.StopHook(func() { stopped = true }))
		if sd == nil || dot == "" {
			t.Error("no Shutdowner or DotGraph")
		}
		return nil
	}))
	app := fx.New(resolve(t, root).Fx(), fx.NopLogger)
	if err := errors.Join(app.Start(context.Background()), app.Stop(context.Background())); err != nil || !stopped {
		t.Errorf("%v, stopped %v", err, stopped)
	}
}

func TestProvidersAreEagerAndInOrder(t *testing.T) {
	low := module.New("low", module.Controllers(NewB), module.Exports(NewC))
	root := module.New("root", module.Controllers(func(*A) *egg { return nil }), module.Imports(low),
		module.Providers(NewA, module.Value(1), NewB))
	if got := names(start(t, root)); got != "NewC NewB NewB NewA Value[int] TestProvidersAreEagerAndInOrder.func1" {
		t.Errorf("order %s", got)
	}
}

func TestConstructorError(t *testing.T) {
	cause := errors.New("no such table")
	failing := func() (*A, error) { return nil, fmt.Errorf("migrate: %w", cause) }
	later := func(*A) *D { t.Error("called"); return nil }
	g := resolve(t, module.New("orders", module.Providers(later, failing)))
	err := fx.New(g.Fx(), fx.NopLogger).Err()
	if want := "module orders (fx_test.go): TestConstructorError.func1 (fx_test.go) failed: migrate: no such table"; err == nil || unnumbered(err.Error()) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var be *module.BuildError
	if !errors.Is(err, cause) || !errors.As(err, &be) || be.Constructor != "TestConstructorError.func1" || be.Module.Name() != "orders" {
		t.Errorf("not unwrapped: %v", err)
	}
	for range g.Instances() {
		t.Error("instance after a failed start")
	}
}

func explode() (*A, error) { panic(errors.New("boom")) }

func TestConstructorPanic(t *testing.T) {
	err := startError(t, module.New("orders", module.Providers(explode)))
	var be *module.BuildError
	if !errors.As(err, &be) || be.Err.Error() != "boom" {
		t.Fatalf("got %v", err)
	}
	first, stack, _ := strings.Cut(unnumbered(err.Error()), "\n")
	if want := "module orders (fx_test.go): explode (fx_test.go) panicked: boom"; first != want {
		t.Errorf("got %s, want %s", first, want)
	}
	if !strings.HasPrefix(stack, "\tgithub.com/gatehouse-go/gatehouse/module_test.explode (/") || strings.Contains(stack, "\n") ||
		!strings.HasSuffix(stack, "/fx_test.go)") {
		t.Errorf("stack:\n%s", stack)
	}
	if err := startError(t, module.New("o", module.Providers(func() *A { panic("text") }))); !strings.Contains(err.Error(), " panicked: text\n") {
		t.Errorf("got %v", err)
	}
}

func TestFxReturnsNewInstances(t *testing.T) {
	g := start(t, module.New("root", module.Providers(NewC)))
	first := get[*C](t, g)
	if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil || get[*C](t, g) == first {
		t.Errorf("%v, or the same instance twice", err)
	}
	if err := fx.ValidateApp(g.Fx(), fx.NopLogger); err != nil {
		t.Error(err)
	}
	for range g.Instances() {
		t.Error("instance without a built application")
	}
}

// recorder records the modules of fx's Invoked events.
type recorder struct{ modules map[string]bool }

func (r *recorder) LogEvent(e fxevent.Event) {
	if e, ok := e.(*fxevent.Invoked); ok {
		r.modules[e.ModuleName] = true
	}
}

func TestModulesAreFxModules(t *testing.T) {
	rec := &recorder{map[string]bool{}}
	g := resolve(t, module.New("root", module.Imports(module.New("c", module.Exports(NewC))), module.Providers(NewB)))
	fx.New(g.Fx(), fx.WithLogger(func() fxevent.Logger { return rec }))
	if !rec.modules["root"] || !rec.modules["c"] {
		t.Errorf("modules of Invoked events: %v", rec.modules)
	}
}

func TestFx(t *testing.T) {
	var invoked *egg
	inner := module.New("inner", module.Exports(NewC))
	raw := module.New("raw", module.Imports(inner),
		module.Exports(module.FromFx[*egg]()), // declared first, but built after NewB
		module.Providers(NewB, func(e *egg, n string) *A { return &A{} }),
		module.Fx(
			fx.Provide(fx.Private, func(b *B, c *C, n *nest) *egg { return &egg{n} }),
			fx.Provide(fx.Private, func(lc fx.Lifecycle) *nest { return &nest{} }),
			fx.Provide(fx.Private, fx.Annotate(func() string { return "s" }, fx.ResultTags(`name:"n"`))),
			fx.Invoke(func(e *egg, a *A) { invoked = e }),
			fx.Decorate(func(s string) string { return s + " decorated" }),
		))
	var got *egg
	g := start(t, module.New("root", module.Imports(raw), module.Providers(func(e *egg, s string) *D {
		got = e
		if s != "default" {
			t.Errorf("decorated in another module: %s", s)
		}
		return nil
	})), module.Provide(module.Value("default")))
	if got == nil || got != invoked || get[*egg](t, g) != got {
		t.Errorf("got %v, invoked with %v", got, invoked)
	}
	if n := names(g); !strings.HasPrefix(n, "Value[string] NewC NewB FromFx[*module_test.egg] TestFx") {
		t.Errorf("order %s", n)
	}
}

func TestDecorateReachesConstructors(t *testing.T) {
	var got string
	start(t, module.New("root", module.Fx(fx.Decorate(func(s string) string { return s + " of root" })),
		module.Providers(func(s string) *D { got = s; return nil })), module.Provide(module.Value("logger")))
	if got != "logger of root" {
		t.Errorf("got %q", got)
	}
}

// A private provider in raw options hides an import in the module, and is a duplicate of
// the module's own provider.
func TestFxShadows(t *testing.T) {
	base := module.New("base", module.Exports(NewC))
	mine := &C{9}
	supply := fx.Provide(fx.Private, func() *C { return mine })
	var got *C
	start(t, module.New("root", module.Imports(base), module.Fx(supply, fx.Invoke(func(c *C) { got = c }))))
	if got != mine {
		t.Error("raw options got the import")
	}
	start(t, module.New("root", module.Imports(base), module.Fx(supply),
		module.Providers(module.FromFx[*C](), func(c *C) *D { got = c; return nil })))
	if got != mine {
		t.Error("FromFx does not hide the import")
	}
	if err := startError(t, module.New("root", module.Providers(NewC), module.Fx(supply))); !strings.Contains(err.Error(), "already provided") {
		t.Errorf("got %v", err)
	}
}

func TestFromFxNamed(t *testing.T) {
	type in struct {
		fx.In
		N int `name:"n"`
	}
	raw := module.New("raw", module.Exports(module.Named("n", module.FromFx[int]())),
		module.Fx(fx.Supply(fx.Private, fx.Annotated{Name: "n", Target: 5})))
	var got int
	user := func(i in) *D { got = i.N; return nil }
	start(t, module.New("root", module.Imports(raw), module.Providers(user)))
	if got != 5 {
		t.Errorf("got %d", got)
	}
	start(t, module.New("root", module.Imports(raw), module.Providers(user)), module.Override(6))
	if got != 6 {
		t.Errorf("got %d, want the override", got)
	}
}

func TestFromFxMissing(t *testing.T) {
	err := startError(t, module.New("raw", module.Fx(fx.Invoke(func() {})), module.Providers(module.FromFx[*C]())))
	if want := "module raw (fx_test.go): FromFx[*module_test.C] (fx_test.go) failed: " +
		"the raw fx options of the module do not provide *module_test.C or its dependencies"; unnumbered(err.Error()) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRawOptionsTooEarly(t *testing.T) {
	raw := module.New("raw", module.Providers(module.FromFx[*B](), NewA, func(*A) *C { return &C{} }),
		module.Fx(fx.Provide(fx.Private, NewB)))
	err := startError(t, raw)
	if want := "module raw (fx_test.go): raw fx options need *module_test.C before TestRawOptionsTooEarly.func1 (fx_test.go) " +
		"of module raw has built it: move them to a separate module, or inject their results in no constructor of this one"; !strings.Contains(unnumbered(err.Error()), want) {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestFxOnlyModule(t *testing.T) {
	called := 0
	start(t, module.New("root", module.Imports(module.New("c", module.Exports(NewC))),
		module.Fx(fx.Invoke(func(c *C) { called++ }))))
	if called != 1 {
		t.Errorf("called %d times", called)
	}
}

func TestFxSeesGroups(t *testing.T) {
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
	sum := 0
	start(t, module.New("root", module.Imports(far), module.Providers(member(10)),
		module.Fx(fx.Invoke(func(i in) {
			for _, id := range i.IDs {
				sum += id
			}
		}))))
	if sum != 11 {
		t.Errorf("sum %d, want the own and the exported member", sum)
	}
}
