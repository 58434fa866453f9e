// Package enhance binds guards, interceptors, pipes and filters to the scopes of an
// application, and runs them, for gateways and controllers alike.
package enhance

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Role is what an item is used as.
type Role string

// The roles.
const (
	Guard       Role = "guard"
	Interceptor Role = "interceptor"
	Pipe        Role = "pipe"
	Filter      Role = "filter"
	Any         Role = "guard, interceptor, pipe or filter" // whichever it is
)

// Item is one thing that is bound: a value, or a constructor. Its pointer is the
// mark by which, together with the module, what the constructor returned is found.
type Item struct {
	role    Role
	value   any // nil when it is to be built
	ctor    any
	problem string
}

// Binding is what is bound at one scope. It is immutable.
type Binding struct {
	Items []*Item
	Meta  pipeline.Metadata
}

// Bind makes a binding of values and constructors.
func Bind(role Role, items ...any) Binding {
	b := Binding{Items: make([]*Item, 0, len(items))}
	for _, it := range items {
		b.Items = append(b.Items, newItem(role, it))
	}
	return b
}

// Meta makes a binding of metadata.
func Meta(meta ...pipeline.Meta) Binding { return Binding{Meta: meta} }

// Join gives both.
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
	case role.fits(v.Type()):
		if k := v.Kind(); (k == reflect.Pointer || k == reflect.Func) && v.IsNil() {
			return &Item{role: role, problem: fmt.Sprintf("is a nil %T", it)}
		}
		return &Item{role: role, value: it}
	case v.Kind() == reflect.Func || isProvider(it):
		i := &Item{role: role, ctor: it}
		if t := v.Type(); v.Kind() == reflect.Func && (t.NumOut() == 0 || !mayFit(role, t.Out(0))) {
			i.problem = fmt.Sprintf("is a %T, neither a %s nor a constructor of one; %s", it, role, role.hint())
		}
		return i
	default:
		return &Item{role: role, problem: fmt.Sprintf("is a %T, neither a %s nor a constructor of one; %s", it, role, role.hint())}
	}
}

func isProvider(it any) bool {
	_, ok := it.(module.Provider)
	return ok
}

// mayFit reports whether a constructor's result could be one; an interface may
// hold anything.
func mayFit(r Role, t reflect.Type) bool { return t.Kind() == reflect.Interface || r.fits(t) }

var contracts = map[Role]reflect.Type{
	Guard:       reflect.TypeFor[pipeline.Guard](),
	Interceptor: reflect.TypeFor[pipeline.Interceptor](),
	Pipe:        reflect.TypeFor[pipeline.Pipe](),
	Filter:      reflect.TypeFor[pipeline.Filter](),
}

func (r Role) fits(t reflect.Type) bool {
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

// Constructors are what the module has to build, each marked with its item.
func (b Binding) Constructors() []any {
	var out []any
	for _, it := range b.Items {
		if it.ctor != nil && it.problem == "" {
			out = append(out, module.Mark(it.ctor, it))
		}
	}
	return out
}

// Problems tell what is wrong with the items, without having built them.
func (b Binding) Problems() []string {
	var out []string
	for i, it := range b.Items {
		if it.problem != "" {
			out = append(out, fmt.Sprintf("%s %d %s", it.role, i+1, it.problem))
		}
	}
	return out
}

// Built holds what the constructors of all bindings have returned, as one module sees
// it. An item that several modules list, by an option in a package variable, has an
// instance in each of them.
type Built struct {
	values map[builtKey]any
	module *module.Module
}

type builtKey struct {
	item   *Item
	module *module.Module
}

// BuiltBy returns what a graph has built, as its root module sees it; nothing before it
// has been built.
func BuiltBy(g *module.Graph) Built {
	b := Built{map[builtKey]any{}, g.Root()}
	for inst, it := range module.Marked[*Item](g) {
		b.values[builtKey{it, inst.Module}] = inst.Value
	}
	return b
}

// In returns what was built for the bindings that m lists.
func (b Built) In(m *module.Module) Built { return Built{b.values, m} }

// Late is the hint for constructors that came too late to be built.
const Late = "a constructor cannot be called any more here; inject what it makes, or give it where the gateway or controller is declared"

// Scope is a binding with its values.
type Scope struct {
	Guards       []pipeline.Guard
	Interceptors []pipeline.Interceptor
	Pipes        []pipeline.Pipe
	Filters      []pipeline.Filter
	Meta         pipeline.Metadata
}

// Resolve puts values in the place of constructors.
func (b Binding) Resolve(built Built) (Scope, error) {
	s := Scope{Meta: b.Meta}
	problems := b.Problems()
	for i, it := range b.Items {
		v := it.value
		if it.problem != "" {
			continue
		}
		if v == nil {
			made, ok := built.values[builtKey{it, built.module}]
			if !ok {
				problems = append(problems, fmt.Sprintf("%s %d: %s", it.role, i+1, Late))
				continue
			}
			if v = made; v == nil || !it.role.fits(reflect.TypeOf(v)) {
				problems = append(problems, fmt.Sprintf("%s %d: its constructor made a %T, which is none; %s", it.role, i+1, v, it.role.hint()))
				continue
			}
		}
		s.add(it.role, v)
	}
	if len(problems) > 0 {
		return s, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return s, nil
}

// Add binds a value as whatever it is, and reports whether it is any of them.
func (s *Scope) Add(v any) bool {
	if v == nil || !Any.fits(reflect.TypeOf(v)) {
		return false
	}
	s.add(Any, v)
	return true
}

// MayBeOne reports whether a provider of the type may be any of them.
func MayBeOne(t reflect.Type) bool { return mayFit(Any, t) }

func (s *Scope) add(r Role, v any) {
	if g, ok := v.(pipeline.Guard); ok && (r == Guard || r == Any) {
		s.Guards = append(s.Guards, g)
	}
	if i, ok := v.(pipeline.Interceptor); ok && (r == Interceptor || r == Any) {
		s.Interceptors = append(s.Interceptors, i)
	}
	if p, ok := v.(pipeline.Pipe); ok && (r == Pipe || r == Any) {
		s.Pipes = append(s.Pipes, p)
	}
	if f, ok := v.(pipeline.Filter); ok && (r == Filter || r == Any) {
		s.Filters = append(s.Filters, f)
	}
}
