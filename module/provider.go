package module

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/internal/injected"
	"github.com/gatehouse-go/gatehouse/internal/place"
)

// Provider is a constructor or a value with annotations. It is returned by [Value], [As],
// [Named], [Mark], [Attach] and [FromFx], is accepted wherever a constructor is, and is
// immutable. Annotations can be nested in any order:
//
//	module.Exports(module.As[Store](module.Named("replica", NewReplica)))
type Provider struct {
	ctor   reflect.Value // a function, unless value or fromFx is set
	value  reflect.Value // its static type is typ
	typ    reflect.Type  // of a value or FromFx
	source source
	where  place.Position

	as      []reflect.Type
	name    string
	alias   string // of Alias and injected.Constructor, for messages
	marks   []any
	mistake *mistake

	attached []attachment
}

type attachment struct {
	Provider
	what string // for messages: an item attached to NewOrders
}

type source uint8

const (
	fromConstructor source = iota
	fromValue
	fromFx
	fromModule // pipeline.Injected
)

// Value provides v as T, which may be an interface:
//
//	module.Providers(module.Value(Config{Port: 3000}))
//	module.Providers(module.Value[io.Writer](os.Stderr))
func Value[T any](v T) Provider {
	at, _ := callerPosition()
	return Provider{source: fromValue, value: reflect.ValueOf(&v).Elem(), typ: reflect.TypeFor[T](), where: at}
}

// As provides the single result of ctor as I instead of its own type:
//
//	module.Exports(module.As[Store](NewSQLStore)) // importers inject Store
//
// Nested calls provide one instance as each of the types. ctor is a constructor or a
// Provider. [Resolve] reports a result that is not assignable to I.
func As[I any](ctor any) Provider {
	p := providerOf(ctor)
	p.as = append(slices.Clone(p.as), reflect.TypeFor[I]())
	return p
}

// Alias provides the A that the module sees as I too, for a constructor of this module that injects an interface:
//
//	module.Imports(store.Module), // exports *store.SQL
//	module.Providers(module.Alias[Notes, *store.SQL](), NewService), // func NewService(Notes) *Service
//
// A may be an interface as well, and both are one instance. [Resolve] reports an A that is not assignable to I.
func Alias[I, A any]() Provider {
	at, _ := callerPosition()
	i, a := reflect.TypeFor[I](), reflect.TypeFor[A]()
	if !a.AssignableTo(i) {
		return Provider{mistake: &mistake{
			fmt.Sprintf("is module.Alias[%v, %v] (%s): %s", i, a, at.String(), notAssignable(a, i)), "correct the types",
		}}
	}
	f := reflect.MakeFunc(reflect.FuncOf([]reflect.Type{a}, []reflect.Type{i}, false), func(in []reflect.Value) []reflect.Value {
		return []reflect.Value{in[0].Convert(i)}
	})
	return Provider{ctor: f, where: at, alias: fmt.Sprintf("module.Alias[%v, %v]", i, a)}
}

// Named provides the results of ctor under a name, independent of an unnamed provider of
// the same type. Inject it with a parameter object:
//
//	module.Providers(module.Named("replica", NewReplica))
//
//	type Params struct {
//		fx.In
//		Replica *sql.DB `name:"replica"`
//	}
//
// ctor is a constructor or a Provider. If Named is nested, the outermost name is used.
func Named(name string, ctor any) Provider {
	p := providerOf(ctor)
	if name == "" && p.mistake == nil {
		p.mistake = &mistake{"has an empty name", "pass a name to module.Named, or remove it"}
	}
	p.name = name
	return p
}

// Mark adds metadata to a constructor. [Marked] finds instances by their marks, and
// [Graph.Declared] lists marks before construction. It is meant for frameworks:
//
//	func Job(ctor any, every time.Duration) module.Provider {
//		return module.Mark(ctor, jobMark{every})
//	}
//
// A provider may have several marks, also of one type. If a constructor has several
// results, the first one has the marks. ctor is a constructor or a Provider.
func Mark[M any](ctor any, mark M) Provider {
	p := providerOf(ctor)
	p.marks = append(slices.Clone(p.marks), any(mark))
	return p
}

// Attach adds constructors to a provider. They are called once, in its module, and their
// results cannot be injected. An item may also be the result of pipeline.Injected: Resolve
// then checks that the module sees its type, and [Graph.Lookup] returns the instance. It is meant for frameworks, which find the results by a
// mark:
//
//	func UseClock(ctor, clock any) module.Provider {
//		return module.Attach(ctor, module.Mark(clock, clockMark{}))
//	}
//
// If the module also sees the constructor as a provider, under any type ([As]) or name
// ([Named]), or if it is attached twice, it is called only once. Declared functions and
// instances of generic functions are the same constructor wherever they are listed; a
// method value or a closure only if both lists use the same variable. [Resolve] reports a
// constructor for which this cannot be decided.
func Attach(ctor any, items ...any) Provider {
	p := providerOf(ctor)
	p.attached = slices.Clone(p.attached)
	for _, it := range items {
		p.attached = append(p.attached, attachment{attachable(it), "an item attached to " + p.String()})
	}
	return p
}

// FromFx declares that the raw options of [Fx] provide T, so that constructors can inject
// T and the module can export it:
//
//	module.Fx(fx.Provide(fx.Private, newClient)),
//	module.Exports(module.FromFx[*Client]()),
//
// Combine it with [Named] if fx provides T under a name. If the raw options do not provide
// T, the start fails.
func FromFx[T any]() Provider {
	at, _ := callerPosition()
	return Provider{source: fromFx, typ: reflect.TypeFor[T](), where: at}
}

// Type returns the type of the value, or of the first result of the constructor; nil for an invalid
// provider. It is meant for frameworks.
func (p Provider) Type() reflect.Type {
	if p.source == fromConstructor && p.ctor.IsValid() && p.ctor.Type().NumOut() > 0 {
		return p.ctor.Type().Out(0)
	}
	return p.typ
}

// String returns the provider in the form of error messages.
func (p Provider) String() string {
	if p.mistake != nil {
		return "invalid provider"
	}
	_, short, _ := p.names()
	return short
}

// names returns the name with package, the name without package, and the position.
func (p Provider) names() (full, short string, at place.Position) {
	switch p.source {
	case fromValue:
		full = "module.Value"
	case fromFx:
		full = "module.FromFx"
	case fromModule:
		full = "pipeline.Injected"
	default:
		if p.alias == "" {
			return funcName(p.ctor)
		}
		full = p.alias
		_, short, _ = strings.Cut(full, ".")
		return full, short, p.where
	}
	full += "[" + p.typ.String() + "]"
	_, short, _ = strings.Cut(full, ".")
	return full, short, p.where
}

// providerOf converts an item of Providers, Exports and the like.
func providerOf(it any) Provider {
	switch it := it.(type) {
	case nil:
		return invalidProvider("is nil", "write a constructor, such as NewService")
	case Provider:
		if it.source == fromConstructor && !it.ctor.IsValid() && it.mistake == nil {
			return invalidProvider("is an empty module.Provider", "create it with module.Value, module.As, module.Named or module.Mark")
		}
		return it
	case *Module:
		return invalidProvider("is a module", "move it to module.Imports")
	case Option:
		return invalidProvider("is the option "+it.String(), "pass it to module.New")
	case injected.Item:
		return invalidProvider("is pipeline."+it.String(), "pass it to UseGuards and the like; list a constructor here")
	case injected.Constructor:
		p := providerOf(it.Func)
		p.alias, p.where = it.Name, it.At
		return p
	case fx.Option:
		return invalidProvider("is an fx option", "pass it to module.Fx")
	case fx.Annotated:
		return invalidProvider("is an fx.Annotated", "write module.Named in place of its Name; for its Group return a struct that embeds fx.Out")
	}
	if reflect.TypeOf(it) == annotatedType {
		return annotated(it)
	}
	v := reflect.ValueOf(it)
	if problem, hint := foreignForm(reflect.TypeOf(it)); problem != "" {
		return invalidProvider(problem, hint)
	}
	if v.Kind() != reflect.Func {
		return invalidProvider(fmt.Sprintf("is of type %T, not a constructor", it),
			"list the function that makes it, without a call, or provide the value with module.Value")
	}
	if v.IsNil() {
		return invalidProvider(fmt.Sprintf("is a nil %T", it), "write a constructor, such as NewService")
	}
	return Provider{ctor: v}
}

func invalidProvider(text, hint string) Provider {
	return Provider{mistake: &mistake{text, hint}}
}
