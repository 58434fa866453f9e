package module_test

import (
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/module/internal/shop/db"
	legacy "github.com/gatehouse-go/gatehouse/module/internal/shop/legacy/db"
	"github.com/gatehouse-go/gatehouse/module/internal/shop/orders"
)

// Each case is one hint of a missing dependency.
func TestMissingHints(t *testing.T) {
	needC := func(*C) *D { return nil }
	needNamer := func(Namer) *D { return nil }
	type named struct {
		fx.In
		C *C `name:"main"`
	}
	const at = "module root (missing_test.go): "
	cases := map[string]struct {
		root *module.Module
		want string
	}{
		"exported by another module, not in a package variable": {
			module.New("root", module.Imports(module.New("x", module.Imports(module.New("c", module.Exports(NewC))))), module.Providers(needC)),
			at + `TestMissingHints.func1 (missing_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: module c exports it; add module c (missing_test.go) to module.Imports`,
		},
		"private and not imported": {
			module.New("root", module.Imports(module.New("x", module.Imports(db.Module))), module.Providers(func(*db.Pool) *D { return nil })),
			at + `TestMissingHints.func3 (missing_test.go) needs *db.Pool (parameter 1), which is not available in the module
hint: module db provides it privately; move NewPool to module.Exports and add db.Module to module.Imports`,
		},
		"own controller": {
			module.New("root", module.Providers(needC), module.Controllers(NewC)),
			at + `TestMissingHints.func1 (missing_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: NewC (main_test.go) is a controller, which cannot be injected; move it to module.Providers`,
		},
		"imported controller": {
			module.New("root", module.Imports(module.New("c", module.Controllers(NewC))), module.Providers(needC)),
			at + `TestMissingHints.func1 (missing_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: NewC (main_test.go) is a controller, which cannot be injected; move it to module.Exports of module c`,
		},
		"interface": {
			module.New("root", module.Providers(NewC, needNamer)),
			at + `TestMissingHints.func2 (missing_test.go) needs module_test.Namer (parameter 1), which is not available in the module
hint: NewC (main_test.go) of module root provides *module_test.C, which implements it; use module.As[module_test.Namer](NewC)`,
		},
		"interface, of a value": {
			module.New("root", module.Providers(module.Value(&C{}), needNamer)),
			at + `TestMissingHints.func2 (missing_test.go) needs module_test.Namer (parameter 1), which is not available in the module
hint: Value[*module_test.C] (missing_test.go) of module root provides *module_test.C, which implements it; add func(v *module_test.C) module_test.Namer { return v } to module.Providers`,
		},
		"interface, imported": {
			module.New("root", module.Imports(db.Module), module.Providers(func(orders.Store) *D { return nil })),
			at + `TestMissingHints.func4 (missing_test.go) needs orders.Store (parameter 1), which is not available in the module
hint: NewDB (internal/shop/db/db.go) of module db provides *db.DB, which implements it; use module.As[orders.Store](NewDB)`,
		},
		"narrowed": {
			module.New("root", module.Providers(module.As[Namer](NewC), needC)),
			at + `TestMissingHints.func1 (missing_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: NewC (main_test.go) of module root provides it only as module_test.Namer (module.As); inject that type`,
		},
		"value for pointer": {
			module.New("root", module.Providers(module.Value(C{}), needC)),
			at + `TestMissingHints.func1 (missing_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: Value[module_test.C] (missing_test.go) provides module_test.C; inject that type`,
		},
		"pointer for value": {
			module.New("root", module.Providers(NewC, func(C) *D { return nil })),
			at + `TestMissingHints.func5 (missing_test.go) needs module_test.C (parameter 1), which is not available in the module
hint: NewC (main_test.go) provides *module_test.C; inject that type`,
		},
		"named only": {
			module.New("root", module.Providers(module.Named("main", NewC), needC)),
			at + `TestMissingHints.func1 (missing_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: NewC (main_test.go) provides it as "main"; inject it with an fx.In field with the tag ` + "`name:\"main\"`",
		},
		"without name": {
			module.New("root", module.Providers(NewC, func(named) *D { return nil })),
			at + `TestMissingHints.func6 (missing_test.go) needs *module_test.C named "main" (parameter 1, field C), which is not available in the module
hint: NewC (main_test.go) provides it without a name; remove the name tag`,
		},
		"name unknown": {
			module.New("root", module.Providers(func(named) *D { return nil })),
			at + `TestMissingHints.func7 (missing_test.go) needs *module_test.C named "main" (parameter 1, field C), which is not available in the module
hint: add a constructor for it to module.Providers, as module.Named("main", …)`,
		},
		"raw fx options": {
			module.New("root", module.Fx(fx.Provide(fx.Private, NewC)), module.Providers(needC)),
			at + `TestMissingHints.func1 (missing_test.go) needs *module_test.C (parameter 1), which is not available in the module
hint: if the raw fx options of the module provide it, add module.FromFx[*module_test.C]() to module.Providers`,
		},
		"Lazy of a type of fx": {
			module.New("root", module.Providers(func(module.Lazy[fx.Lifecycle]) *D { return nil })),
			at + `TestMissingHints.func8 (missing_test.go) needs fx.Lifecycle (parameter 1), which is not available in the module
hint: declare fx.Lifecycle as a plain parameter; fx provides it`,
		},
		"two types with one short name": {
			module.New("root", module.Providers(legacy.NewDB, orders.NewOrders)),
			at + `NewOrders (internal/shop/orders/orders.go) needs *github.com/gatehouse-go/gatehouse/module/internal/shop/db.DB (parameter 1), which is not available in the module
hint: add a constructor for it to module.Providers`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := wantProblems(t, c.want, c.root)
			if p[0].Kind != module.ProblemMissing {
				t.Errorf("kind %s", p[0].Kind)
			}
		})
	}
}
