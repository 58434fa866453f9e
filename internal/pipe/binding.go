// Package pipe binds guards, interceptors, pipes and filters to the application, to
// gateways and controllers, and to handlers, and runs them.
package pipe

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Role is what an item is bound as.
type Role string

// The roles.
const (
	Guard       Role = "guard"
	Interceptor Role = "interceptor"
	Pipe        Role = "pipe"
	Filter      Role = "filter"
	Any         Role = "guard, interceptor, pipe or filter" // each role that the value implements
)

// Item is one bound value, constructor or [pipeline.Injected]. A constructor is marked
// with the *Item, so that [BuiltBy] finds its result.
type Item struct {
	role     Role
	value    any // nil for a constructor and for injected
	ctor     any
	injected pipeline.Injection // has no type if the item is not pipeline.Injected
	typ      reflect.Type       // of the value, as far as it is known before the item is built; may be nil
	declared []pipeline.Scheme  // of pipeline.WithSchemes; nil without
	problem  string
}

// Binding holds the items and metadata bound at one scope. It is immutable.
type Binding struct {
	Items []*Item
	Meta  pipeline.Metadata
}

// Bind returns a binding of values and constructors.
func Bind(role Role, items ...any) Binding {
	b := Binding{Items: make([]*Item, 0, len(items))}
	for _, it := range items {
		b.Items = append(b.Items, newItem(role, it))
	}
	return b
}

// Meta returns a binding of metadata.
func Meta(meta ...pipeline.Meta) Binding { return Binding{Meta: meta} }

// Join returns the items and metadata of b, followed by those of other.
func (b Binding) Join(other Binding) Binding {
	return Binding{slices.Concat(b.Items, other.Items), b.Meta.Join(other.Meta...)}
}

func newItem(role Role, it any) *Item {
	switch f := it.(type) {
	case nil:
		return &Item{role: role, problem: "is nil"}
	case pipeline.DeclaredGuard:
		i := newItem(role, f.Guard())
		i.declared = f.Schemes()
		return i
	case pipeline.Injection:
		return newInjected(role, f)
	case func(context.Context, *pipeline.Call) error:
		it = pipeline.GuardFunc(f)
	case func(context.Context, *pipeline.Call, pipeline.Next) (any, error):
		it = pipeline.InterceptorFunc(f)
	case func(context.Context, *pipeline.Call, any) error:
		it = pipeline.PipeFunc(f)
	case func(context.Context, *pipeline.Call, error) *pipeline.Error:
		it = pipeline.FilterFunc(f)
	}
	v := reflect.ValueOf(it)
	switch {
	case role.implementedBy(v.Type()):
		if k := v.Kind(); (k == reflect.Pointer || k == reflect.Func) && v.IsNil() {
			return &Item{role: role, typ: v.Type(), problem: fmt.Sprintf("is a nil %T", it)}
		}
		return &Item{role: role, value: it, typ: v.Type(), problem: wrongForm(role, v.Type())}
	case v.Kind() == reflect.Func || isProvider(it):
		i := &Item{role: role, ctor: it, typ: resultOf(it)}
		if t := v.Type(); v.Kind() == reflect.Func && (t.NumOut() == 0 || !mayImplement(role, t.Out(0))) {
			i.problem = wrongType(role, it)
		} else if v.Kind() == reflect.Func {
			i.problem = wrongForm(role, t.Out(0))
		}
		return i
	default:
		return &Item{role: role, problem: wrongType(role, it)}
	}
}

// resultOf returns the type of what a constructor returns; nil where it returns nothing.
func resultOf(ctor any) reflect.Type {
	if p, ok := ctor.(module.Provider); ok {
		return p.Type()
	}
	if t := reflect.TypeOf(ctor); t.Kind() == reflect.Func && t.NumOut() > 0 {
		return t.Out(0)
	}
	return nil
}

func newInjected(role Role, it pipeline.Injection) *Item {
	t := it.Type()
	switch {
	case t == nil:
		return &Item{role: role, problem: "is an empty pipeline.Injection; create it with pipeline.Injected"}
	case mayImplement(role, t):
		return &Item{role: role, injected: it, typ: t, problem: wrongForm(role, t)}
	}
	hint := role.hint()
	if role.implementedBy(reflect.PointerTo(t)) {
		hint = fmt.Sprintf("*%v is one; bind Injected[*%[1]v]", t)
	}
	return &Item{role: role, problem: fmt.Sprintf("is %s, but %v is not a %s; %s", it, t, role.contract(), hint)}
}

func wrongType(role Role, it any) string {
	if t := reflect.TypeOf(it); t != nil && t.PkgPath() == "go.uber.org/fx" { // such as fx.Annotate
		return fmt.Sprintf("has type %T, which only package fx accepts; pass the constructor itself", it)
	}
	return fmt.Sprintf("has type %T, which is neither a %s nor a constructor of one; %s", it, role.contract(), role.hint())
}

func isProvider(it any) bool {
	_, ok := it.(module.Provider)
	return ok
}

// mayImplement reports whether a constructor's result may implement the role. The
// dynamic type of an interface is unknown until the constructor has run.
func mayImplement(r Role, t reflect.Type) bool {
	return t.Kind() == reflect.Interface || r.implementedBy(t)
}

var contracts = map[Role]struct {
	reflect.Type

	method string
}{
	Guard:       {reflect.TypeFor[pipeline.Guard](), "Check(context.Context, *pipeline.Call) error"},
	Interceptor: {reflect.TypeFor[pipeline.Interceptor](), "Intercept(context.Context, *pipeline.Call, pipeline.Next) (any, error)"},
	Pipe:        {reflect.TypeFor[pipeline.Pipe](), "Transform(context.Context, *pipeline.Call, any) error"},
	Filter:      {reflect.TypeFor[pipeline.Filter](), "Catch(context.Context, *pipeline.Call, error) *pipeline.Error"},
}

func (r Role) implementedBy(t reflect.Type) bool {
	if c, ok := contracts[r]; ok {
		return t.Implements(c.Type)
	}
	for _, c := range contracts {
		if t.Implements(c.Type) {
			return true
		}
	}
	return false
}

// contract returns the name of the interface that the role needs.
func (r Role) contract() string {
	if c, ok := contracts[r]; ok {
		return c.String()
	}
	return string(r)
}

func (r Role) hint() string {
	if c, ok := contracts[r]; ok {
		return "it needs the method " + c.method
	}
	return "it needs a method Check, Intercept, Transform or Catch of package pipeline"
}

// Constructors returns the constructors that the module must build, each marked with
// its item, and what the module must see.
func (b Binding) Constructors() []any {
	var out []any
	for _, it := range b.Items {
		switch {
		case it.problem != "":
		case it.injected.Type() != nil:
			out = append(out, it.injected)
		case it.ctor != nil:
			out = append(out, module.Mark(it.ctor, it))
		}
	}
	return out
}

// Names returns the names of what is bound in a role: of a function or constructor its own,
// of another value and of [pipeline.Injected] its type. They are the same before and after building.
func (b Binding) Names(r Role) []string {
	var out []string
	for _, it := range b.Items {
		if it.problem == "" && it.role == r {
			out = append(out, it.name())
		}
	}
	return out
}

func (it *Item) name() string {
	v := it.value
	if v == nil {
		v = it.ctor
	}
	if p, ok := v.(module.Provider); ok {
		return p.String()
	}
	if r, ok := v.(pipeline.IdentityReader); ok { // it is named in a warning
		if s, ok := r.(fmt.Stringer); ok {
			return s.String()
		}
	}
	name := identity.FuncName(v)
	switch {
	case name != "":
	case v == nil: // of a field of a controller that is not built, or pipeline.Injected
		return fmt.Sprint(it.typ)
	default:
		return fmt.Sprintf("%T", v)
	}
	end := strings.IndexByte(name, '[') // type arguments may contain slashes
	if end < 0 {
		end = len(name)
	}
	return name[strings.LastIndexByte(name[:end], '/')+1:]
}

// Problems lists what is wrong with the items, without building them.
func (b Binding) Problems() []string {
	var out []string
	for i, it := range b.Items {
		if it.problem != "" {
			out = append(out, fmt.Sprintf("%s %d %s", it.role, i+1, it.problem))
		}
	}
	return out
}
