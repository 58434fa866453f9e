package module_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/module"
)

type ticker struct{ name string }

func (t *ticker) Tick() string { return t.name }

// Lookup returns what constructors of the module inject.
func TestLookup(t *testing.T) {
	pointer, iface := reflect.TypeFor[*ticker](), reflect.TypeFor[interface{ Tick() string }]()
	exported := module.New("exported", module.Exports(
		func() *ticker { return &ticker{"exported"} },
		module.As[interface{ Tick() string }](func() *ticker { return &ticker{"interface"} }),
	))
	own := module.New("own", module.Imports(exported), module.Providers(func() *ticker { return &ticker{"own"} }))
	importing := module.New("importing", module.Imports(exported))
	root := module.New("root", module.Imports(own, importing))
	opts := []module.ResolveOption{module.Provide(func() *ticker { return &ticker{"default"} })}
	if _, err := resolve(t, root, opts...).Lookup(own, pointer); err == nil || err.Error() != "module: Lookup: the graph has not been built" {
		t.Errorf("before the build: %v", err)
	}
	g := start(t, root, opts...)
	for _, tt := range []struct {
		m    *module.Module
		typ  reflect.Type
		want string
	}{
		{own, pointer, "own"}, {own, iface, "interface"}, {importing, pointer, "exported"},
		{exported, pointer, "exported"}, {root, pointer, "default"},
	} {
		v, err := g.Lookup(tt.m, tt.typ)
		if err != nil {
			t.Errorf("%s, %v: %v", tt.m.Name(), tt.typ, err)
		} else if got := v.(*ticker).name; got != tt.want {
			t.Errorf("%s, %v: %s, want %s", tt.m.Name(), tt.typ, got, tt.want)
		}
	}
	for _, tt := range []struct {
		m    *module.Module
		typ  reflect.Type
		want string
	}{
		{root, iface, "interface { Tick() string } is not available in module root (module/injected_test.go:"},
		{root, iface, "module exported exports it; add "},
		{module.New("other"), pointer, "module: Lookup: the module is not part of the graph"},
	} {
		if _, err := g.Lookup(tt.m, tt.typ); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	two := module.New("two", module.Exports(func() *ticker { return &ticker{"two"} }))
	both := module.New("both", module.Imports(exported, two))
	if _, err := start(t, both).Lookup(both, pointer); err == nil || !strings.Contains(err.Error(), "sees 2 instances of *module_test.ticker: import only one of them") {
		t.Errorf("ambiguous: %v", err)
	}
}
