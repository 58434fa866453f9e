package module_test

import (
	"slices"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

func TestOptionMistakes(t *testing.T) {
	var ctor func() *C
	root := module.New("root", nil,
		module.Providers(nil, ctor, 7, module.Provider{}, module.New("x"), fx.Invoke(), module.Global(), []any{NewC}),
		module.Exports(module.Named("", NewC), module.As[Namer](nil)),
		module.Fx(nil),
	)
	const at = "\nmodule root (option_test.go): "
	p := wantProblems(t, at[1:]+`option 1 of module.New is nil
hint: remove it`+at+`argument 1 of module.Providers is nil
hint: write a constructor, such as NewService`+at+`argument 2 of module.Providers is a nil func() *module_test.C
hint: write a constructor, such as NewService`+at+`argument 3 of module.Providers is of type int, not a constructor
hint: list the function that makes it, without a call, or provide the value with module.Value`+at+`argument 4 of module.Providers is an empty module.Provider
hint: create it with module.Value, module.As, module.Named or module.Mark`+at+`argument 5 of module.Providers is a module
hint: move it to module.Imports`+at+`argument 6 of module.Providers is an fx option
hint: pass it to module.Fx`+at+`argument 7 of module.Providers is the option module.Global()
hint: pass it to module.New`+at+`argument 8 of module.Providers is of type []interface {}, not a constructor
hint: list the function that makes it, without a call, or provide the value with module.Value`+at+`argument 1 of module.Exports has an empty name
hint: pass a name to module.Named, or remove it`+at+`argument 2 of module.Exports is nil
hint: write a constructor, such as NewService`+at+`argument 1 of module.Fx is nil
hint: remove it`, root)
	if p[0].Kind != module.ProblemInvalid || p[0].Constructor != "" || p[0].Module != root {
		t.Errorf("problem %+v", p[0])
	}
	wantProblems(t, `
module "" (option_test.go): has an empty name
hint: pass a name to module.New`, module.New(""))
}

func TestOptionString(t *testing.T) {
	users := module.New("users")
	for want, o := range map[string]module.Option{
		`module.Imports(users (option_test.go), <nil>)`:                            module.Imports(users, nil),
		`module.Providers(module_test.NewC, Value[int], nil, string, fx.Invoke())`: module.Providers(NewC, module.Value(1), nil, "x", fx.Invoke()),
		`module.Exports(users (option_test.go))`:                                   module.Exports(users),
		`module.Controllers(invalid provider)`:                                     module.Controllers(module.Named("", nil)),
		`module.Global()`:                                                          module.Global(),
		`module.Fx(fx.Invoke())`:                                                   module.Fx(fx.Invoke()),
	} {
		if got := unnumbered(o.String()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestModuleAccessors(t *testing.T) {
	users, rooms := module.New("users"), module.New("rooms")
	m := module.New("chat", module.Imports(users, nil), module.Global(), module.Exports(rooms))
	if m.Name() != "chat" || unnumbered(m.Place()) != "option_test.go" || unnumbered(m.String()) != "chat (option_test.go)" {
		t.Errorf("%s, %s, %s", m.Name(), m.Place(), m)
	}
	if got := slices.Collect(m.Imported()); !slices.Equal(got, []*module.Module{users, rooms}) {
		t.Errorf("imported %v", got)
	}
	if !m.IsGlobal() || users.IsGlobal() || (*module.Module)(nil).String() != "<nil>" {
		t.Error("IsGlobal or String")
	}
}
