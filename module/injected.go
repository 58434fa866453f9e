package module

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/injected"
)

// attachable converts an item of Attach, which also accepts the result of
// pipeline.Injected.
func attachable(it any) Provider {
	i, ok := it.(injected.Item)
	if !ok || i.Type() == nil {
		return providerOf(it)
	}
	return Provider{source: fromModule, typ: i.Type(), where: i.Place()}
}

// bindInjected checks that the module sees the type of each pipeline.Injected, and keeps
// its provider.
func (r *resolver) bindInjected() {
	for _, n := range r.injected {
		nd := &need{key: key{t: n.provider.typ}}
		switch f := r.lookup(n.scope, nd.key); len(f.results) {
		case 1:
			f.results[0].node.injected = true
		case 0:
			r.missing(n, nd)
		default:
			r.ambiguous(n, nd, f)
		}
	}
}

// hintBind returns the hint for a pipeline.Injected of a type that only a named provider has.
func (r *resolver) hintBind(s *scope, k key) string {
	for _, have := range r.visible(s).keys {
		if have.t == k.t {
			return fmt.Sprintf("%s provides it as %q; bind the constructor in place of its type", have.from.node, have.name)
		}
	}
	return ""
}

// Lookup returns the instance that a constructor of module m receives for a parameter of
// type t. It returns an error if m sees none or several, if m is not part of the graph, or
// before fx has built the graph. It is meant for frameworks.
func (g *Graph) Lookup(m *Module, t reflect.Type) (any, error) {
	run := g.current.Load()
	if run == nil || !run.done.Load() {
		return nil, errors.New("module: Lookup: the graph has not been built")
	}
	res, err := g.find(m, t)
	if err != nil {
		return nil, err
	}
	v, ok := run.slots[res.slot].get()
	if !ok {
		return nil, fmt.Errorf("module %s: %s has not been built, because a module.Override replaces what needs it", m, t)
	}
	return v.Interface(), nil
}

// find returns the result that a module sees for a type.
func (g *Graph) find(m *Module, t reflect.Type) (*result, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.resolver
	s := r.byModule[m]
	if s == nil && r.defaults != nil && r.defaults.m == m {
		s = r.defaults
	}
	if s == nil {
		return nil, errors.New("module: Lookup: the module is not part of the graph")
	}
	k := key{t: t}
	switch f := r.lookup(s, k); len(f.results) {
	case 1:
		return f.results[0], nil
	case 0:
		return nil, fmt.Errorf("%s is not available in module %s: %s", r.keyName(k), m, r.missingHint(s, k))
	default:
		return nil, fmt.Errorf("module %s sees %d instances of %s: import only one of them", m, len(f.results), r.keyName(k))
	}
}
