package module_test

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

type (
	ping struct{ pong module.Lazy[*pong] }
	pong struct{ ping *ping }
)

func newPing(p module.Lazy[*pong]) *ping { return &ping{p} }
func newPong(p *ping) *pong              { return &pong{p} }

func TestLazyBreaksCycle(t *testing.T) {
	g := start(t, module.New("root", module.Providers(newPong, newPing)))
	if got := names(g); got != "newPing newPong" {
		t.Errorf("order %s", got)
	}
	p := get[*ping](t, g)
	if p.pong.Get() != get[*pong](t, g) || p.pong.Get().ping != p {
		t.Error("wrong instance")
	}
	if _, err := p.pong.Lookup(); err != nil {
		t.Error(err)
	}
}

func TestLazyInConstructor(t *testing.T) {
	var lookup error
	eager := func(p module.Lazy[*pong]) *ping {
		_, lookup = p.Lookup()
		p.Get()
		return nil
	}
	err := startError(t, module.New("root", module.Providers(eager, newPong)))
	const tail = "module.Lazy[*module_test.pong]: newPong (lazy_test.go) of module root has not run yet; " +
		"call Get after construction, for example in OnModuleInit"
	if got, want := unnumbered(err.Error()), "module root (lazy_test.go): TestLazyInConstructor.func1 (lazy_test.go) failed: "+tail; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := unnumbered(lookup.Error()); got != tail {
		t.Errorf("got:\n%s\nwant:\n%s", got, tail)
	}
	var lazy *module.LazyError
	if !errors.As(err, &lazy) || lazy.Constructor != "newPong" {
		t.Errorf("no LazyError in %v", err)
	}
}

func TestLazyMissing(t *testing.T) {
	wantProblems(t, `
module root (lazy_test.go): newPing (lazy_test.go) needs *module_test.pong (parameter 1), which is not available in the module
hint: add a constructor for it to module.Providers`, module.New("root", module.Providers(newPing)))
}

func TestLazyInParameterObject(t *testing.T) {
	type params struct {
		fx.In
		Named module.Lazy[Namer] `name:"n"`
		None  module.Lazy[*A]    `optional:"true"`
	}
	var got params
	root := module.New("root", module.Providers(
		func(p params) *D { got = p; return nil }, module.Named("n", module.As[Namer](func() *C { return &C{4} }))))
	start(t, root)
	if got.Named.Get().ID() != 4 {
		t.Error("wrong instance")
	}
	_, err := got.None.Lookup()
	if want := "module.Lazy[*module_test.A] is empty: nothing provides *module_test.A here; " +
		"check with Lookup, or make one with module.LazyOf"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLazyOfOtherModule(t *testing.T) {
	other := module.New("other", module.Exports(NewC))
	var lazy module.Lazy[*C]
	g := start(t, module.New("root", module.Imports(other), module.Providers(func(l module.Lazy[*C]) *D { lazy = l; return nil })))
	if lazy.Get() != get[*C](t, g) {
		t.Error("wrong instance")
	}
}

func TestLazyOf(t *testing.T) {
	if module.LazyOf("x").Get() != "x" {
		t.Error("Get did not return the value")
	}
	if v, err := module.LazyOf[error](nil).Lookup(); v != nil || err != nil {
		t.Error("Lookup did not return the nil value")
	}
	defer func() {
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), "is empty") {
			t.Errorf("recovered %v", err)
		}
	}()
	module.Lazy[int]{}.Get()
}
