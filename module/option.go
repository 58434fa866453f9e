package module

import (
	"fmt"
	"reflect"
	"strings"

	"go.uber.org/fx"
)

// Option is an option of [New]. Only this package can implement it.
type Option interface {
	fmt.Stringer
	apply(*Module)
}

type option struct {
	name string
	args []any
	fn   func(*Module)
}

func (o option) apply(m *Module) { o.fn(m) }

func (o option) String() string { return listed(o.name, o.args) }

// listed returns the text of an option: module.Providers(NewService, NewStore).
func listed(name string, items []any) string {
	args := make([]string, len(items))
	for i, a := range items {
		args[i] = describe(a)
	}
	return "module." + name + "(" + strings.Join(args, ", ") + ")"
}

func describe(a any) string {
	switch a := a.(type) {
	case nil:
		return "nil"
	case *Module:
		return a.String()
	case Provider:
		return a.String()
	case fx.Option:
		return a.String()
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.Func && !v.IsNil() {
		name, _, _ := funcName(v)
		return name
	}
	return fmt.Sprintf("%T", a)
}

// Imports makes the exports of mods visible to the module's constructors:
//
//	module.Imports(users.Module, db.Module)
//
// Importing a module twice has no effect. [Resolve] reports a nil module: a package
// variable that is assigned in init is still nil here.
func Imports(mods ...*Module) Option {
	return option{"Imports", anys(mods), func(m *Module) {
		for i, mod := range mods {
			m.addImport(mod, false, fmt.Sprintf("argument %d of module.Imports", i+1))
		}
	}}
}

// Providers adds constructors that are visible only in this module:
//
//	module.Providers(NewRooms, module.Value(Limits{Rooms: 50}))
//
// An item is a constructor, that is a function that returns at least one value other than
// an error, or a [Provider].
func Providers(items ...any) Option {
	return option{"Providers", items, func(m *Module) {
		m.addItems("Providers", items, KindProvider, false)
	}}
}

// Exports adds providers that are visible in this module and in those that import it:
//
//	module.Exports(NewService, module.As[Store](NewSQLStore), users.Module)
//
// An item is a constructor, a [Provider], or a *[Module], which is imported and
// re-exported. The module's own export hides a re-exported one of the same type.
func Exports(items ...any) Option {
	return option{"Exports", items, func(m *Module) {
		m.addItems("Exports", items, KindProvider, true)
	}}
}

// Controllers adds constructors of values that cannot be injected: HTTP controllers,
// consumers, jobs. They are built after the providers of the module.
//
//	module.Controllers(NewController)
//
// An item is a constructor or a [Provider].
func Controllers(items ...any) Option {
	return option{"Controllers", items, func(m *Module) {
		m.addItems("Controllers", items, KindController, false)
	}}
}

// Global makes the module's exports visible in every module of the application, if the
// module is reachable from the root. A module's own or imported provider of the same type
// hides a global one.
func Global() Option {
	return option{"Global", nil, func(m *Module) { m.global = true }}
}

// Fx adds raw fx options, scoped to the module as by fx.Module:
//
//	module.Fx(fx.Provide(fx.Private, newTracer), fx.Invoke(register))
//
// They see everything that the module sees, and run after the module's constructors. To
// inject a type that they provide, declare it with [FromFx]. Use fx.Private: without it,
// fx.Provide provides to the whole fx application.
func Fx(opts ...fx.Option) Option {
	return option{"Fx", anys(opts), func(m *Module) {
		for i, o := range opts {
			if o == nil {
				m.mistake(fmt.Sprintf("argument %d of module.Fx is nil", i+1), "remove it")
				continue
			}
			m.fxOptions = append(m.fxOptions, o)
		}
	}}
}

func (m *Module) addImport(mod *Module, reexport bool, what string) {
	if mod == nil {
		m.mistake(what+" is nil", "the variable was not initialized yet when module.New ran; "+
			"declare it with `var Module = module.New(…)` and do not assign it in init")
		return
	}
	m.imports = append(m.imports, importRef{mod, reexport})
}

func (m *Module) addItems(list string, items []any, kind Kind, exported bool) {
	for i, it := range items {
		what := fmt.Sprintf("argument %d of module.%s", i+1, list)
		if mod, ok := it.(*Module); ok {
			if !exported {
				m.mistake(what+" is a module", "move it to module.Imports")
				continue
			}
			m.addImport(mod, true, what)
			continue
		}
		p := providerOf(it)
		if kind == KindAttached {
			p = attachable(it)
		}
		if p.mistake != nil {
			m.mistake(what+" "+p.mistake.text, p.mistake.hint)
			continue
		}
		m.items = append(m.items, item{p, kind, exported})
		m.attach(p)
	}
}

// attach adds the constructors attached to a provider.
func (m *Module) attach(p Provider) {
	for _, a := range p.attached {
		if a.mistake != nil {
			m.mistake(a.what+" "+a.mistake.text, a.mistake.hint)
			continue
		}
		m.items = append(m.items, item{a.Provider, KindAttached, false})
		m.attach(a.Provider)
	}
}

func anys[T any](in []T) []any {
	out := make([]any, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}
