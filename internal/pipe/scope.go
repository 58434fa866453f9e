package pipe

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Built holds the results of bound constructors, as seen by one module. An item that
// several modules list, such as an option in a package variable, has one instance in
// each of them.
type Built struct {
	values map[builtKey]any
	graph  *module.Graph
	module *module.Module
}

type builtKey struct {
	item   *Item
	module *module.Module
}

// BuiltBy returns what the graph has built, as seen by its root module. It is empty
// until fx has built the graph.
func BuiltBy(g *module.Graph) Built {
	b := Built{map[builtKey]any{}, g, g.Root()}
	for inst, it := range module.Marked[*Item](g) {
		b.values[builtKey{it, inst.Module}] = inst.Value
	}
	return b
}

// In returns the results as seen by module m.
func (b Built) In(m *module.Module) Built { return Built{b.values, b.graph, m} }

const lateConstructor = "constructors are not accepted here: pass a value or pipeline.Injected, or pass the constructor to websockets.Gateway or web.Controller, " +
	"for one handler with websockets.ForEvent or web.ForRoute"

// Scope is a binding whose constructors have been replaced by their results.
type Scope struct {
	Guards       []pipeline.Guard
	names        []string // of the guards, for messages
	Interceptors []pipeline.Interceptor
	Pipes        []pipeline.Pipe
	Filters      []pipeline.Filter
	Meta         pipeline.Metadata
	Security     []Secured // of the guards, for documents
}

// Static returns the scope of a binding that is not built: its metadata, and what its guards say to documents.
func (b Binding) Static() Scope { return Scope{Meta: b.Meta, Security: b.Security(Built{})} }

// Resolve replaces constructors by their results. The error lists every problem; the
// scope then holds the items without one.
func (b Binding) Resolve(built Built) (Scope, error) {
	s := Scope{Meta: b.Meta, Security: b.Security(built)}
	problems := b.Problems()
	for i, it := range b.Items {
		v := it.value
		if it.problem != "" {
			continue
		}
		if it.injected.Type() != nil {
			var err error
			if v, err = built.inject(it); err != nil {
				problems = append(problems, fmt.Sprintf("%s %d: %v: %v", it.role, i+1, it.injected, err))
				continue
			}
		}
		if v == nil {
			result, ok := built.values[builtKey{it, built.module}]
			if !ok {
				problems = append(problems, fmt.Sprintf("%s %d: %s", it.role, i+1, lateConstructor))
				continue
			}
			if v = result; v == nil || !it.role.implementedBy(reflect.TypeOf(v)) {
				problems = append(problems, fmt.Sprintf("%s %d: its constructor returned a %T, which is not a %s; %s", it.role, i+1, v, it.role.contract(), it.role.hint()))
				continue
			}
			if problem := wrongForm(it.role, reflect.TypeOf(v)); problem != "" { // of a constructor that returns an interface
				problems = append(problems, fmt.Sprintf("%s %d %s", it.role, i+1, problem))
				continue
			}
		}
		s.add(it.role, built.override(it, v), it.name())
	}
	if len(problems) > 0 {
		return s, errors.New(strings.Join(problems, "; "))
	}
	return s, nil
}

// inject returns the instance of pipeline.Injected.
func (b Built) inject(it *Item) (any, error) {
	if b.graph == nil {
		return nil, errors.New("there is no module here: pass a value")
	}
	v, err := b.graph.Lookup(b.module, it.injected.Type())
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, errors.New("the module provides nil")
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
		return nil, fmt.Errorf("the module provides a nil %T", v)
	}
	if !it.role.implementedBy(reflect.TypeOf(v)) {
		return nil, fmt.Errorf("the module provides a %T, which is not a %s; %s", v, it.role.contract(), it.role.hint())
	}
	return v, nil
}

// JoinScopes returns the items of a followed by those of b.
func JoinScopes(a, b Scope) Scope {
	return Scope{
		Guards:       slices.Concat(a.Guards, b.Guards),
		names:        slices.Concat(a.names, b.names),
		Interceptors: slices.Concat(a.Interceptors, b.Interceptors),
		Pipes:        slices.Concat(a.Pipes, b.Pipes),
		Filters:      slices.Concat(a.Filters, b.Filters),
		Meta:         a.Meta.Join(b.Meta...),
		Security:     slices.Concat(a.Security, b.Security),
	}
}

// Add binds a value in each role that it implements. It reports whether there is one.
func (s *Scope) Add(v any) bool {
	if v == nil || !Any.implementedBy(reflect.TypeOf(v)) {
		return false
	}
	s.add(Any, v, fmt.Sprintf("%T", v))
	return true
}

// MayImplementAny reports whether a value that a constructor returns as t may
// implement one of the roles.
func MayImplementAny(t reflect.Type) bool { return mayImplement(Any, t) }

func (s *Scope) add(r Role, v any, name string) {
	if g, ok := v.(pipeline.Guard); ok && (r == Guard || r == Any) {
		s.Guards, s.names = append(s.Guards, g), append(s.names, name)
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
