package module_test

import (
	"reflect"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/internal/injected"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/module"
)

// handleOf stands for a T.
type handleOf[T any] struct{ to *any }

func (handleOf[T]) Handle(seal.Framework) injected.Handle {
	return injected.Handle{Type: reflect.TypeFor[T](), New: func() (any, func(any)) {
		to := new(any)
		return handleOf[T]{to}, func(v any) { *to = v }
	}}
}

// gatewayMark is a mark of what a handleOf may stand for.
type gatewayMark struct{}

func (gatewayMark) Instead(t string) string { return "websockets.ServerOf[" + t + "]" }

func asGateway(ctor any) module.Provider { return module.Mark(ctor, gatewayMark{}) }

type (
	hall    struct{ s *service }
	service struct{ hall handleOf[*hall] }
)

func newHall(s *service) *hall              { return &hall{s} }
func newService(h handleOf[*hall]) *service { return &service{h} }
func newHallAlone() *hall                   { return &hall{} }
func newEager(*hall) *service               { return &service{} }
func newHallWithError() (*hall, error)      { return &hall{}, nil }
func newOptional(p optionalHall) *service   { return &service{p.Hall} }
func newNamed(p namedHall) *service         { return &service{p.Hall} }

type optionalHall struct {
	fx.In

	Hall handleOf[*hall] `optional:"true"`
}

type namedHall struct {
	fx.In

	Hall handleOf[*hall] `name:"tea"`
}

// bindEach binds each gateway to itself, and returns how many there are.
func bindEach(g *module.Graph) (n int) {
	for inst := range module.Marked[gatewayMark](g) {
		inst.Bind(seal.Framework{}, inst.Value)
		n++
	}
	return n
}

// A handle is no dependency: its constructor and that of the gateway may need each other, in one module and in two of
// which one imports the other.
func TestHandle(t *testing.T) {
	services := module.New("services", module.Exports(newService))
	imported := module.New("halls", module.Imports(services), module.Exports(asGateway(newHall)))
	global := module.New("halls", module.Global(), module.Imports(services), module.Exports(asGateway(newHall)))
	for name, root := range map[string]*module.Module{
		"one module":             module.New("root", module.Providers(asGateway(newHall), newService)),
		"service first":          module.New("root", module.Providers(newService, asGateway(newHall))),
		"module that imports it": imported,
		"sibling":                module.New("root", module.Imports(services, imported)),
		"global":                 module.New("root", module.Imports(services, global)),
		"optional":               module.New("root", module.Providers(newOptional, asGateway(newHall))),
		"named":                  module.New("root", module.Providers(newNamed, module.Named("tea", asGateway(newHall)))),
	} {
		g := start(t, root)
		s, h := get[*service](t, g), get[*hall](t, g)
		if *s.hall.to != nil {
			t.Errorf("%s: bound before Bind", name)
		}
		if n := bindEach(g); n != 1 || *s.hall.to != any(h) || h.s != s {
			t.Errorf("%s: %d gateways, bound to %v, want %v", name, n, *s.hall.to, h)
		}
		for e := range g.Edges() {
			if (e.To.Type == reflect.TypeFor[*hall]()) != e.Lazy {
				t.Errorf("%s: edge %v to %v, lazy %v", name, e.From, e.To, e.Lazy)
			}
		}
	}
}

// The nearest gateway goes first, as with other dependencies.
func TestHandleOfTheNearest(t *testing.T) {
	far := module.New("far", module.Exports(asGateway(newHallWithError)))
	near := module.New("near", module.Providers(asGateway(newHallAlone), newService))
	g := start(t, module.New("root", module.Imports(far, near)))
	for inst := range module.Marked[gatewayMark](g) {
		inst.Bind(seal.Framework{}, inst.Module.Name())
	}
	if got := *get[*service](t, g).hall.to; got != "near" {
		t.Errorf("bound to %v", got)
	}
}

// Each start has handles of its own.
func TestHandlesOfTwoStarts(t *testing.T) {
	g := resolve(t, module.New("root", module.Providers(newService, asGateway(newHall))))
	var services []*service
	for range 2 {
		if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil {
			t.Fatal(err)
		}
		services = append(services, get[*service](t, g))
	}
	bindEach(g)
	if *services[0].hall.to != nil || *services[1].hall.to == nil {
		t.Error("Bind has bound the handles of another start")
	}
}

// A module that provides the parameter type itself goes first: a test without the gateway.
func TestHandleProvided(t *testing.T) {
	mine := handleOf[*hall]{new(any)}
	root := module.New("root", module.Providers(newService))
	if got := get[*service](t, start(t, root, module.Provide(module.Value(mine)))); got.hall != mine {
		t.Errorf("got %v", got.hall)
	}
	if got := get[*service](t, start(t, module.New("root", module.Providers(newOptional)))); got.hall.to != nil {
		t.Errorf("got %v", got.hall)
	}
	// In a module that needs the gateway as well.
	both := module.New("root", module.Providers(module.Value(mine), newService, asGateway(newHall)))
	if got := get[*service](t, start(t, both)); got.hall != mine {
		t.Errorf("got %v", got.hall)
	}
}

func TestHandleProblems(t *testing.T) {
	const needs = "module root (handle_test.go): newService (handle_test.go) needs the server of the gateway *module_test.hall (parameter 1)"
	a := module.New("a", module.Exports(asGateway(newHallAlone)))
	b := module.New("b", module.Exports(asGateway(newHallWithError)))
	aGlobal := module.New("a", module.Global(), module.Exports(asGateway(newHallAlone)))
	bGlobal := module.New("b", module.Global(), module.Exports(asGateway(newHallWithError)))
	between := module.New("between", module.Imports(a, b))
	for _, tt := range []struct {
		name, want string
		root       *module.Module
	}{
		{"none", needs + `, which no module exports
hint: list websockets.Gateway with a constructor that returns *module_test.hall in module.Exports, in any module of the application`,
			module.New("root", module.Providers(newService))},
		{"private", needs + `, which no module exports
hint: module a provides it privately; move newHallAlone to module.Exports`,
			module.New("root", module.Imports(module.New("a", module.Providers(asGateway(newHallAlone)))), module.Providers(newService))},
		{"named", needs + `, which no module exports
hint: newHallAlone (handle_test.go) provides it as "tea"; inject it with an fx.In field with the tag ` + "`name:\"tea\"`",
			module.New("root", module.Providers(module.Named("tea", asGateway(newHallAlone)), newService))},
		{"no gateway", needs + `, but newHallAlone (handle_test.go) of module root (handle_test.go) is not registered as a gateway
hint: write websockets.Gateway(newHallAlone)`,
			module.New("root", module.Providers(newHallAlone, newService))},
		{"several imports", needs + `, which 2 imports export: newHallAlone (handle_test.go) of module a (handle_test.go) and newHallWithError (handle_test.go) of module b (handle_test.go)
hint: import only one of them, or distinguish them with module.Named`,
			module.New("root", module.Imports(a, b), module.Providers(newService))},
		{"several global", needs + `, which 2 global modules export: newHallAlone (handle_test.go) of module a (handle_test.go) and newHallWithError (handle_test.go) of module b (handle_test.go)
hint: import the intended one, or distinguish them with module.Named`,
			module.New("root", module.Imports(module.New("between", module.Imports(aGlobal, bGlobal))), module.Providers(newService))},
		{"several elsewhere", needs + `, which 2 modules export: newHallAlone (handle_test.go) of module a (handle_test.go) and newHallWithError (handle_test.go) of module b (handle_test.go)
hint: import the intended one, or distinguish them with module.Named`,
			module.New("root", module.Imports(between), module.Providers(newService))},
	} {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, tt.want, tt.root) })
	}
}

type shouter interface{ shout() }

func (*hall) shout() {}

func newShouting(handleOf[shouter]) *service { return &service{} }

// A gateway may be provided as an interface; an alias of it is none.
func TestHandleOfInterface(t *testing.T) {
	start(t, module.New("root", module.Providers(newShouting, module.As[shouter](asGateway(newHallAlone)))))
	wantProblems(t, `
module root (handle_test.go): newShouting (handle_test.go) needs the server of the gateway module_test.shouter (parameter 1), but Alias[module_test.shouter, *module_test.hall] (handle_test.go) of module root (handle_test.go) is not registered as a gateway
hint: provide the gateway itself as module_test.shouter, with module.As[module_test.shouter](websockets.Gateway(…)) in place of module.Alias`,
		module.New("root", module.Providers(newShouting, module.Alias[shouter, *hall](), asGateway(newHallAlone))))
}

// The errors about cycles, and about modules that need each other, name the handle.
func TestHandleHints(t *testing.T) {
	wantProblems(t, `
module root (handle_test.go): newHall (handle_test.go) is in a cycle of 2 constructors:
	newHall (handle_test.go) of module root needs *module_test.service (parameter 1) from
	newEager (handle_test.go) of module root needs *module_test.hall (parameter 1) from
	newHall (handle_test.go)
hint: if newEager (handle_test.go) only sends to clients, inject websockets.ServerOf[*module_test.hall] as parameter 1, which is no dependency; else module.Lazy[*module_test.hall]`,
		module.New("root", module.Providers(asGateway(newHall), newEager)))
	services := module.New("services", module.Exports(newEager))
	wantProblems(t, `
module services (handle_test.go): newEager (handle_test.go) needs *module_test.hall (parameter 1), which is not available in the module
hint: module halls exports it. It imports module services, and Go does not initialize two package variables that use each other: move newHall to a module that both import, or add module.Global() to module halls. To send only, inject websockets.ServerOf[*module_test.hall], which needs no import`,
		module.New("halls", module.Imports(services), module.Exports(asGateway(newHall))))
}
