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

// Item is one bound value or constructor. A constructor is marked with the *Item, so
// that [BuiltBy] finds its result.
type Item struct {
	role    Role
	value   any // nil for a constructor
	ctor    any
	problem string
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
			return &Item{role: role, problem: fmt.Sprintf("is a nil %T", it)}
		}
		return &Item{role: role, value: it}
	case v.Kind() == reflect.Func || isProvider(it):
		i := &Item{role: role, ctor: it}
		if t := v.Type(); v.Kind() == reflect.Func && (t.NumOut() == 0 || !mayImplement(role, t.Out(0))) {
			i.problem = wrongType(role, it)
		}
		return i
	default:
		return &Item{role: role, problem: wrongType(role, it)}
	}
}

func wrongType(role Role, it any) string {
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

var contracts = map[Role]reflect.Type{
	Guard:       reflect.TypeFor[pipeline.Guard](),
	Interceptor: reflect.TypeFor[pipeline.Interceptor](),
	Pipe:        reflect.TypeFor[pipeline.Pipe](),
	Filter:      reflect.TypeFor[pipeline.Filter](),
}

func (r Role) implementedBy(t reflect.Type) bool {
	if c, ok := contracts[r]; ok {
		return t.Implements(c)
	}
	for _, c := range contracts {
		if t.Implements(c) {
			return true
		}
	}
	return false
}

// contract returns the name of the interface that the role needs.
func (r Role) contract() string {
	switch r {
	case Guard:
		return "pipeline.Guard"
	case Interceptor:
		return "pipeline.Interceptor"
	case Pipe:
		return "pipeline.Pipe"
	case Filter:
		return "pipeline.Filter"
	default:
		return string(r)
	}
}

func (r Role) hint() string {
	switch r {
	case Guard:
		return "it needs the method Check(context.Context, *pipeline.Call) error"
	case Interceptor:
		return "it needs the method Intercept(context.Context, *pipeline.Call, pipeline.Next) (any, error)"
	case Pipe:
		return "it needs the method Transform(context.Context, *pipeline.Call, any) error"
	case Filter:
		return "it needs the method Catch(context.Context, *pipeline.Call, error) *pipeline.Error"
	default:
		return "it needs a method Check, Intercept, Transform or Catch of package pipeline"
	}
}

// Constructors returns the constructors that the module must build, each marked with
// its item.
func (b Binding) Constructors() []any {
	var out []any
	for _, it := range b.Items {
		if it.ctor != nil && it.problem == "" {
			out = append(out, module.Mark(it.ctor, it))
		}
	}
	return out
}

// Names returns the names of what is bound in a role: of a function or constructor its own,
// of another value its type. They are the same before and after building.
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
	name := identity.FuncName(v)
	if name == "" {
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
