package module_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/module/internal/shop/db"
	"github.com/gatehouse-go/gatehouse/module/internal/shop/orders"
)

func TestResolveBuildsNothing(t *testing.T) {
	g := resolve(t, module.New("app", module.Providers(func() *C {
		t.Error("constructor was called")
		return nil
	})))
	for range g.Instances() {
		t.Error("instance before construction")
	}
}

func TestDiamondSharesOneInstance(t *testing.T) {
	base := module.New("base", module.Exports(NewC))
	left := module.New("left", module.Imports(base), module.Exports(NewB))
	right := module.New("right", module.Imports(base), module.Exports(func(c *C) *A { return &A{&B{c}} }))
	type top struct{ l, r *C }
	root := module.New("root", module.Imports(left, right, base),
		module.Providers(func(b *B, a *A, c *C) top {
			if b.C != c {
				t.Error("module left has another instance")
			}
			return top{b.C, a.B.C}
		}))
	if got := get[top](t, start(t, root)); got.l != got.r {
		t.Error("two instances in a diamond")
	}
}

func TestPrivateProviderIsNotVisible(t *testing.T) {
	inner := module.New("inner", module.Providers(NewC))
	root := module.New("root", module.Imports(inner), module.Providers(NewB))
	wantProblems(t, `
module root (resolve_test.go): NewB (main_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: module inner provides it privately; move NewC to module.Exports`, root)
}

func TestPrivateShadow(t *testing.T) {
	shared := module.New("shared", module.Exports(module.Value(&C{1})))
	global := module.New("global", module.Global(), module.Exports(module.Value(&C{3})))
	root := module.New("root", module.Imports(shared, global), module.Providers(module.Value(&C{2}), NewB))
	b := get[*B](t, start(t, root))
	if b.C.id != 2 {
		t.Errorf("got C %d, want 2 of the module itself", b.C.id)
	}
}

func TestMissingImportText(t *testing.T) {
	_, err := module.Resolve(orders.Root)
	const want = `module orders (module/internal/shop/orders/orders.go:12): NewOrders (module/internal/shop/orders/orders.go:30) needs *db.DB (parameter 1), which is not available in the module
hint: module db exports it; add db.Module to module.Imports`
	if err == nil || err.Error() != want {
		t.Fatalf("got:\n%v\nwant:\n%s", err, want)
	}
	var wiring *module.Error
	if !errors.As(err, &wiring) || len(wiring.Problems) != 1 {
		t.Fatal("want exactly one problem")
	}
	p := wiring.Problems[0]
	if p.Kind != module.ProblemMissing || p.Module != orders.Module || p.Constructor != "NewOrders" ||
		p.Place != "module/internal/shop/orders/orders.go:30" || !strings.HasSuffix(p.File, "/orders/orders.go:30") {
		t.Errorf("problem %+v", p)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	low := module.New("low", module.Exports(NewB))
	root := module.New("root", module.Imports(low), module.Providers(nil, NewA), module.Controllers(NewA, func(string) *D { return nil }))
	wantProblems(t, `
module root (resolve_test.go): argument 1 of module.Providers is nil
hint: write a constructor, such as NewService
module low (resolve_test.go): NewB (main_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: add a constructor for it to module.Providers
module root (resolve_test.go): TestAllProblemsAtOnce.func1 (resolve_test.go) needs string (parameter 1), which is not available in the module
hint: add a constructor for it to module.Providers`, root)
}

func TestAmbiguous(t *testing.T) {
	one := module.New("one", module.Exports(NewC))
	two := module.New("two", module.Exports(NewC))
	via := module.New("via", module.Exports(two))
	root := module.New("root", module.Imports(one, via), module.Providers(NewB))
	wantProblems(t, `
module root (resolve_test.go): NewB (main_test.go) needs *module_test.C (parameter 1), which 2 imports export: NewC (main_test.go) of module one (resolve_test.go) and NewC (main_test.go) of module two (resolve_test.go)
hint: import only one of them, or distinguish them with module.Named`, root)

	// No constructor needs it: no problem.
	start(t, module.New("root", module.Imports(one, via)))
}

func TestAmbiguousGlobal(t *testing.T) {
	one := module.New("one", module.Global(), module.Exports(NewC))
	two := module.New("two", module.Global(), module.Exports(NewC))
	user := module.New("user", module.Providers(NewB))
	wantProblems(t, `
module user (resolve_test.go): NewB (main_test.go) needs *module_test.C (parameter 1), which 2 global modules export: NewC (main_test.go) of module one (resolve_test.go) and NewC (main_test.go) of module two (resolve_test.go)
hint: import the intended one, or distinguish them with module.Named`, module.New("root", module.Imports(user, one, two)))

	// An import decides.
	user = module.New("user", module.Imports(two), module.Providers(NewB))
	start(t, module.New("root", module.Imports(user, one, two)))
}

func TestDuplicate(t *testing.T) {
	wantProblems(t, `
module root (resolve_test.go): Value[*module_test.C] (resolve_test.go) provides *module_test.C, which NewC (main_test.go) also provides
hint: remove one, or distinguish them with module.Named`,
		module.New("root", module.Providers(NewC, module.Value(&C{}))))
	wantProblems(t, `
module root (resolve_test.go): NewC (main_test.go) is listed twice
hint: remove it from module.Providers; module.Exports provides it too`,
		module.New("root", module.Providers(NewC), module.Exports(NewC)))
	wantProblems(t, `
module root (resolve_test.go): NewC (main_test.go) is listed twice
hint: remove one`,
		module.New("root", module.Providers(NewC, NewC)))
	wantProblems(t, `
module root (resolve_test.go): TestDuplicate.func1 (resolve_test.go) provides *module_test.C twice
hint: return a struct, or an fx.Out with names`,
		module.New("root", module.Providers(func() (*C, *C) { return nil, nil })))
}

func TestDynamicModules(t *testing.T) {
	register := func(id int) *module.Module {
		return module.New("dynamic", module.Exports(module.Named(fmt.Sprint(id), func() *C { return &C{id} })))
	}
	type params struct {
		fx.In
		One *C `name:"1"`
		Two *C `name:"2"`
	}
	root := module.New("root", module.Imports(register(1), register(2)),
		module.Providers(func(p params) *A {
			if p.One.id != 1 || p.Two.id != 2 {
				t.Errorf("got %d and %d", p.One.id, p.Two.id)
			}
			return nil
		}))
	if n := names(start(t, root)); strings.Count(n, "TestDynamicModules") != 3 {
		t.Errorf("instances %s", n)
	}
}

func TestGlobal(t *testing.T) {
	deep := module.New("deep", module.Providers(NewB))
	config := module.New("config", module.Global(), module.Exports(NewC))
	// config is imported last, but built first.
	root := module.New("root", module.Imports(deep), module.Imports(config))
	if got := names(start(t, root)); got != "NewC NewB" {
		t.Errorf("order %s", got)
	}
}

func TestReexportChain(t *testing.T) {
	base := module.New("base", module.Exports(NewC), module.Providers(func() string { return "private" }))
	mid := module.New("mid", module.Exports(base))
	top := module.New("top", module.Exports(mid), module.Providers(NewB)) // sees it too
	root := module.New("root", module.Imports(top), module.Controllers(NewB))
	if got := names(start(t, root)); got != "NewC TestReexportChain.func1 NewB NewB" {
		t.Errorf("order %s", got)
	}
	// A module's own export hides the re-exported one.
	hide := module.New("hide", module.Exports(base, module.Value(&C{7})))
	g := start(t, module.New("root", module.Imports(hide), module.Providers(NewB)))
	if b := get[*B](t, g); b.C.id != 7 {
		t.Errorf("got C %d, want 7", b.C.id)
	}
}

func TestSameModuleTwice(t *testing.T) {
	base := module.New("base", module.Exports(NewC))
	start(t, module.New("root", module.Imports(base, base), module.Exports(base), module.Providers(NewB)))
}

func TestNilModules(t *testing.T) {
	wantProblems(t, `
the root module is nil
hint: declare it with `+"`var Module = module.New(…)`"+` and do not assign it in init`, nil)
	var later *module.Module
	wantProblems(t, `
module root (resolve_test.go): argument 2 of module.Imports is nil
hint: the variable was not initialized yet when module.New ran; declare it with `+"`var Module = module.New(…)`"+` and do not assign it in init
module root (resolve_test.go): argument 1 of module.Exports is nil
hint: the variable was not initialized yet when module.New ran; declare it with `+"`var Module = module.New(…)`"+` and do not assign it in init`,
		module.New("root", module.Imports(db.Module, later), module.Exports(later)))
}

func TestSelfShadow(t *testing.T) {
	base := module.New("base", module.Exports(NewC))
	wantProblems(t, `
module root (resolve_test.go): TestSelfShadow.func1 (resolve_test.go) needs *module_test.C (parameter 1), which it provides itself
hint: its own result hides that of NewC (main_test.go); return another type, or name it with module.Named`,
		module.New("root", module.Imports(base), module.Providers(func(c *C) *C { return c })))
}

func TestDeterminism(t *testing.T) {
	root := func() *module.Module {
		c := module.New("c", module.Exports(NewC), module.Providers(module.Value(1), module.Value("x")))
		b := module.New("b", module.Imports(c), module.Exports(NewB), module.Controllers(NewD), module.Global())
		a := module.New("a", module.Exports(NewA), module.Global())
		return module.New("root", module.Imports(b, a), module.Controllers(func(*A, string) bool { return true }))
	}
	fail := root()
	_, err := module.Resolve(fail)
	if err == nil {
		t.Fatal("Resolve did not fail, but string is private")
	}
	first := err.Error()
	var order, chart string
	for i := range 100 {
		if _, err := module.Resolve(fail); err.Error() != first {
			t.Fatalf("run %d: error differs:\n%v\n%s", i, err, first)
		}
		g := start(t, root(), module.Provide(module.Value("default")))
		n, c := names(g), g.Mermaid()
		if i == 0 {
			order, chart = n, c
		}
		if n != order || c != chart {
			t.Fatalf("run %d differs: %s, first %s", i, n, order)
		}
	}
	if want := "Value[string] NewC Value[int] Value[string] NewB NewA NewD TestDeterminism"; !strings.HasPrefix(order, want) {
		t.Errorf("order %s", order)
	}
}

func TestResolveConcurrently(t *testing.T) {
	_, root := grid(100, 10)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			g, err := module.Resolve(root, module.Provide(NewC))
			if err == nil {
				err = fx.New(g.Fx(), fx.NopLogger).Err()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// Dependents are declared first, so that every traversal recurses through the whole chain.
func TestDeepChain(t *testing.T) {
	types := benchTypes(5000)
	var ctors []any
	for i := len(types) - 1; i > 0; i-- {
		ctors = append(ctors, chainCtor(types[i], types[i-1]))
	}
	root := module.New("root", module.Providers(ctors...), module.Providers(chainCtor(types[0])))
	count := 0
	for range start(t, root).Instances() {
		count++
	}
	if count != len(types) {
		t.Errorf("%d instances", count)
	}
	_, err := module.Resolve(module.New("root", module.Providers(ctors...), module.Providers(chainCtor(types[0], types[4999]))))
	if err == nil || strings.Count(err.Error(), " needs ") != 5000 {
		t.Error("the message does not contain all 5,000 steps of the cycle")
	}
}

func TestFiveThousandProblems(t *testing.T) {
	var ctors []any
	for _, typ := range benchTypes(5000) {
		ctors = append(ctors, chainCtor(typ, reflect.TypeFor[Namer]()))
	}
	_, err := module.Resolve(module.New("root", module.Providers(ctors...)))
	var wiring *module.Error
	if !errors.As(err, &wiring) || len(wiring.Problems) != 5000 {
		t.Error("want 5,000 problems")
	}
}

func TestFiveThousandProviders(t *testing.T) {
	for name, per := range map[string]int{"one module": 5000, "100 modules": 50, "5000 modules": 1} {
		t.Run(name, func(t *testing.T) {
			_, root := grid(5000, per)
			count := 0
			for range start(t, root).Instances() {
				count++
			}
			if count != 5000 {
				t.Errorf("%d instances", count)
			}
		})
	}
}
