package module

import (
	"fmt"
	"reflect"
	"slices"

	"go.uber.org/fx"
)

// Provider is a constructor, or a ready value, with annotations. It is made by
// [Value], [As], [Named], [Mark], [Attach] and [FromFx], goes where a constructor goes, and
// is immutable. The annotations nest in any order:
//
//	module.Exports(module.As[Store](module.Named("replica", NewReplica)))
type Provider struct {
	ctor   reflect.Value // a function, unless value or fromFx is set
	value  reflect.Value // of static type typ
	typ    reflect.Type  // of a value or of what raw fx options provide
	source source
	where  place

	as      []reflect.Type
	name    string
	marks   []any
	mistake *mistake

	attached []attachment
}

type attachment struct {
	Provider
	what string
}

type source uint8

const (
	fromConstructor source = iota
	fromValue
	fromFx
)

// Value provides v as T, which may be an interface:
//
//	module.Providers(module.Value(Config{Port: 3000}))
//	module.Providers(module.Value[io.Writer](os.Stderr))
func Value[T any](v T) Provider {
	at, _ := callerPlace()
	t := reflect.TypeFor[T]()
	rv := reflect.New(t).Elem()
	rv.Set(reflect.ValueOf(&v).Elem())
	return Provider{source: fromValue, value: rv, typ: t, where: at}
}

// As provides the single result of ctor as I, and no longer as itself:
//
//	module.Exports(module.As[Store](NewSQLStore)) // importers inject Store
//
// Nested, As provides one instance as each of the types. ctor is a constructor or
// a Provider. [Resolve] reports a result that is not assignable to I.
func As[I any](ctor any) Provider {
	p := providerOf(ctor)
	p.as = append(slices.Clone(p.as), reflect.TypeFor[I]())
	return p
}

// Named provides the results of ctor under a name, next to an unnamed one of the
// same type; a parameter object asks for it:
//
//	module.Providers(module.Named("replica", NewReplica))
//
//	type Params struct {
//		fx.In
//		Replica *sql.DB `name:"replica"`
//	}
//
// ctor is a constructor or a Provider. Of nested names the outermost counts.
func Named(name string, ctor any) Provider {
	p := providerOf(ctor)
	if name == "" && p.mistake == nil {
		p.mistake = &mistake{"has an empty name", "give module.Named a name, or leave it out"}
	}
	p.name = name
	return p
}

// Mark attaches metadata to a constructor; [Marked] finds the instance by it, and
// [Graph.Declared] shows it before anything is built. Frameworks use it:
//
//	func Job(ctor any, every time.Duration) module.Provider {
//		return module.Mark(ctor, jobMark{every})
//	}
//
// A provider may carry several marks, also of one type. Of a constructor with
// several results the first carries them. ctor is a constructor or a Provider.
func Mark[M any](ctor any, mark M) Provider {
	p := providerOf(ctor)
	p.marks = append(slices.Clone(p.marks), any(mark))
	return p
}

// Attach adds constructors that belong to a provider: they are called once, in its
// module, and nobody injects what they return. Frameworks use it for what they find
// again by a mark:
//
//	func UseClock(ctor, clock any) module.Provider {
//		return module.Attach(ctor, module.Mark(clock, clockMark{}))
//	}
//
// A constructor that the module sees as well, under any type ([As]) or name ([Named]),
// or that is attached twice, is called once for all. Declared functions and instances
// of generic functions are the same constructor wherever they are listed; a method
// value or a closure is, where both lists name one variable. [Resolve] reports a
// constructor that may be the one that the module sees, and may not.
func Attach(ctor any, items ...any) Provider {
	p := providerOf(ctor)
	p.attached = slices.Clone(p.attached)
	for _, it := range items {
		p.attached = append(p.attached, attachment{providerOf(it), "attached to " + p.String()})
	}
	return p
}

// FromFx declares that the raw options given to [Fx] provide T, so that the
// module's constructors can inject it and the module can export it:
//
//	module.Fx(fx.Provide(fx.Private, newClient)),
//	module.Exports(module.FromFx[*Client]()),
//
// Combine it with [Named] for a T that fx knows by name. If fx does not have T
// after all, the application fails to start with an error that says so.
func FromFx[T any]() Provider {
	at, _ := callerPlace()
	return Provider{source: fromFx, typ: reflect.TypeFor[T](), where: at}
}

// String returns the provider as error messages show it.
func (p Provider) String() string {
	if p.mistake != nil {
		return "invalid provider"
	}
	_, short, _ := p.names()
	return short
}

// names returns the name with package, the short one, and the place.
func (p Provider) names() (full, short string, at place) {
	switch p.source {
	case fromValue:
		n := "Value[" + p.typ.String() + "]"
		return "module." + n, n, p.where
	case fromFx:
		n := "FromFx[" + p.typ.String() + "]"
		return "module." + n, n, p.where
	}
	return funcName(p.ctor)
}

// providerOf accepts what a user may write where a provider is expected.
func providerOf(it any) Provider {
	switch it := it.(type) {
	case nil:
		return wrong("is nil", "write a constructor, such as NewService")
	case Provider:
		if it.source == fromConstructor && !it.ctor.IsValid() && it.mistake == nil {
			return wrong("is an empty module.Provider", "make it with module.Value, module.As, module.Named or module.Mark")
		}
		return it
	case *Module:
		return wrong("is a module", "move it to module.Imports")
	case Option:
		return wrong("is the option "+it.String(), "pass it to module.New")
	case fx.Option:
		return wrong("is an fx option", "pass it to module.Fx")
	}
	v := reflect.ValueOf(it)
	if v.Kind() != reflect.Func {
		return wrong(fmt.Sprintf("is of type %T, not a constructor", it),
			"provide a ready value with module.Value")
	}
	if v.IsNil() {
		return wrong(fmt.Sprintf("is a nil %T", it), "write a constructor, such as NewService")
	}
	return Provider{ctor: v}
}

func wrong(text, hint string) Provider {
	return Provider{mistake: &mistake{text, hint}}
}
