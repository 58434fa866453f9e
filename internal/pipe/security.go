package pipe

import (
	"reflect"
	"slices"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Secured is what a call needs to pass one guard, and the kinds of calls that the guard checks.
type Secured struct {
	pipeline.Security

	kinds []pipeline.Kind // nil: all
}

// limited is implemented by the guards of [pipeline.Only].
type limited interface {
	Limited() (pipeline.Guard, []pipeline.Kind)
}

// ForRequests returns what requests to routes need.
func ForRequests(all []Secured) []pipeline.Security { return forKinds(all, pipeline.KindHTTP) }

// ForClients returns what clients of gateways need.
func ForClients(all []Secured) []pipeline.Security {
	return forKinds(all, pipeline.KindHandshake, pipeline.KindConnect, pipeline.KindMessage)
}

func forKinds(all []Secured, kinds ...pipeline.Kind) (out []pipeline.Security) {
	for _, s := range all {
		checks := s.kinds == nil || slices.ContainsFunc(kinds, func(k pipeline.Kind) bool { return slices.Contains(s.kinds, k) })
		if checks && !slices.ContainsFunc(out, func(o pipeline.Security) bool { return o.Guard == s.Guard && slices.Equal(o.Schemes, s.Schemes) }) {
			out = append(out, s.Security)
		}
	}
	return out
}

// Security returns what a call needs to pass the guards of a binding. Where built has nothing of a guard, zero values of its type are
// asked; see [pipeline.Secured].
func (b Binding) Security(built Built) (all []Secured) {
	for _, it := range b.Items {
		if it.role != Guard {
			continue
		}
		v := it.value
		if it.injected.Type() != nil {
			v, _ = built.inject(it)
		} else if it.ctor != nil {
			v = built.values[builtKey{it, built.module}]
		}
		if s, ok := security(it.name, v, it.typ, it.declared); ok {
			all = append(all, s)
		}
	}
	return all
}

// AddSecurity adds what a call needs to pass a guard, which is v, or a t that is not built. declared is what [pipeline.WithSchemes]
// says; nil if it says nothing.
func (s *Scope) AddSecurity(name string, v any, t reflect.Type, declared []pipeline.Scheme) {
	if more, ok := security(func() string { return name }, v, t, declared); ok {
		s.Security = append(s.Security, more)
	}
}

func security(name func() string, v any, t reflect.Type, declared []pipeline.Scheme) (s Secured, ok bool) {
	if l, ok := v.(limited); ok {
		v, s.kinds = l.Limited()
		if t = reflect.TypeOf(v); t == nil {
			return s, false
		}
	}
	if declared != nil {
		s.Security = pipeline.Security{Guard: name(), Schemes: declared}
		return s, len(declared) > 0
	}
	if rv := reflect.ValueOf(v); v == nil || rv.Kind() == reflect.Pointer && rv.IsNil() {
		if v = zero(t); v == nil {
			return s, false
		}
	}
	guard, ok := v.(pipeline.Secured)
	if !ok {
		return s, false
	}
	schemes := schemesOf(guard)
	s.Security = pipeline.Security{Guard: name(), Schemes: slices.Clone(schemes)}
	return s, schemes == nil || len(schemes) > 0
}

// zero returns a zero value of a type; nil if its values are not known.
func zero(t reflect.Type) any {
	switch {
	case t == nil || t.Kind() == reflect.Interface:
		return nil
	case t.Kind() == reflect.Pointer:
		return reflect.New(t.Elem()).Interface()
	}
	return reflect.Zero(t).Interface()
}

// schemesOf returns nil, as for schemes that are not known, where a guard that is not built panics.
func schemesOf(g pipeline.Secured) (schemes []pipeline.Scheme) {
	defer func() {
		if v := recover(); v != nil {
			schemes = nil
		}
	}()
	return g.Schemes()
}
