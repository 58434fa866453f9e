package module_test

import (
	"bytes"
	"io"
	"reflect"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

func TestValue(t *testing.T) {
	var buf bytes.Buffer
	var got io.Writer
	g := start(t, module.New("root", module.Providers(
		module.Value[io.Writer](&buf), module.Value[Namer](nil), module.Value(7),
		func(w io.Writer, n Namer, i int) *D {
			got = w
			if n != nil || i != 7 {
				t.Errorf("got %v, %d", n, i)
			}
			return nil
		})))
	if got != &buf {
		t.Error("got another writer")
	}
	for inst := range g.Instances() {
		if inst.Name == "module.Value[io.Writer]" && inst.Value != &buf {
			t.Errorf("instance %v", inst.Value)
		}
	}
}

func TestAs(t *testing.T) {
	var namer Namer
	var id interface{ ID() int }
	g := start(t, module.New("root", module.Providers(
		module.As[interface{ ID() int }](module.As[Namer](NewC)),
		func(n Namer, i interface{ ID() int }) *D { namer, id = n, i; return nil })))
	c := get[*C](t, g)
	if namer != Namer(c) || id != Namer(c) {
		t.Error("got different instances")
	}
}

func TestAsMistakes(t *testing.T) {
	const at = "module root (provider_test.go): "
	cases := map[string]struct {
		item any
		want string
	}{
		"method missing": {module.As[Namer](func() *B { return nil }), at + `TestAsMistakes.func1 (provider_test.go) provides *module_test.B as module_test.Namer, which it does not implement: method ID is missing
hint: correct the type in module.As`},
		"pointer receiver": {module.As[Namer](func() C { return C{} }), at + `TestAsMistakes.func2 (provider_test.go) provides module_test.C as module_test.Namer, which it does not implement: method ID has a pointer receiver
hint: correct the type in module.As`},
		"no interface": {module.As[string](NewC), at + `NewC (main_test.go) provides *module_test.C as string, to which it is not assignable
hint: correct the type in module.As`},
		"two results": {module.As[Namer](func() (*C, *B) { return nil, nil }), at + `TestAsMistakes.func3 (provider_test.go) has several results, but module.As needs exactly one
hint: return one value`},
		"an error": {module.As[error](func() *myErr { return nil }), at + `TestAsMistakes.func4 (provider_test.go) returns *module_test.myErr (result 1), which fx treats as an error because it has an Error method
hint: wrap it in a struct`},
		"an error value": {module.Value[error](nil), at + `Value[error] (provider_test.go) provides error, which fx treats as an error because it has an Error method
hint: wrap it in a struct`},
		"only an error": {func() error { return nil }, at + `TestAsMistakes.func5 (provider_test.go) returns nothing to provide
hint: return a value, as in func NewService() *Service`},
		"named fx.Out": {module.Named("n", func() outAB { return outAB{} }), at + `TestAsMistakes.func6 (provider_test.go) returns an fx.Out, which module.Named cannot name
hint: name its fields with ` + "`name:\"…\"` tags"},
		"FromFx as": {module.As[Namer](module.FromFx[*C]()), at + `FromFx[*module_test.C] (provider_test.go) cannot be provided as another type
hint: also provide func(v *module_test.C) module_test.Namer { return v }`},
		"FromFx without Fx": {module.FromFx[*C](), at + `FromFx[*module_test.C] (provider_test.go) is in a module without raw fx options
hint: add module.Fx(…) to the module`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			wantProblems(t, c.want, module.New("root", module.Providers(c.item)))
		})
	}
}

type myErr struct{}

func (*myErr) Error() string { return "" }

type outAB struct {
	fx.Out
	A *A
	B *B `name:"b"`
}

func TestNamed(t *testing.T) {
	type params struct {
		fx.In
		One *C `name:"one"`
		Two *C `name:"two"`
		C   *C
	}
	var got params
	start(t, module.New("root",
		module.Imports(module.New("one", module.Exports(module.Named("one", module.Value(&C{1}))))),
		module.Providers(module.Named("three", module.Named("x", NewC)), module.Named("two", func() *C { return &C{2} }),
			module.Value(&C{3}), func(p params) *D { got = p; return nil })))
	if got.One.id != 1 || got.Two.id != 2 || got.C.id != 3 {
		t.Errorf("got %d %d %d", got.One.id, got.Two.id, got.C.id)
	}
}

func TestProvidersAreValues(t *testing.T) {
	base := module.Mark(module.As[Namer](NewC), 1)
	_ = module.Mark(base, 2)
	other := module.Mark(base, 3)
	g := resolve(t, module.New("root", module.Providers(other)))
	for d := range g.Declared() {
		if !reflect.DeepEqual(d.Marks, []any{1, 3}) {
			t.Errorf("marks %v", d.Marks)
		}
	}
	if got := other.String(); got != "NewC" {
		t.Errorf("String %q", got)
	}
}
