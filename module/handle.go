package module

import (
	"fmt"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/injected"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// bindHandle binds a parameter that stands for a gateway, such as websockets.ServerOf: to the
// gateway that the module sees, else to one that any module of the application exports. A
// provider of the parameter type itself goes first.
func (r *resolver) bindHandle(n *node, nd *need) binding {
	if f := r.lookup(n.scope, key{nd.lazy, nd.key.name}); len(f.results) == 1 {
		return binding{to: f.results[0], provided: true}
	}
	f := r.lookup(n.scope, nd.key)
	if len(f.results) == 0 {
		f = found{r.exportedAnywhere(nd.key), levelElsewhere}
	}
	switch {
	case len(f.results) > 1:
		r.ambiguous(n, nd, f)
	case len(f.results) == 0:
		if !nd.optional {
			r.inModule(ProblemMissing, n.scope, n, "needs "+r.labeled(nd)+", which no module exports", r.handleHint(n, nd))
		}
	case f.results[0].instead("") == "":
		res := f.results[0]
		r.inModule(ProblemInvalid, n.scope, n, fmt.Sprintf("needs %s, but %s of module %s is not registered as a gateway",
			r.labeled(nd), res.node, res.node.scope.m), r.registerHint(res, nd.key))
	default:
		return binding{to: f.results[0]}
	}
	return binding{}
}

// registerHint returns how to write a provider so that a handle can stand for it.
func (r *resolver) registerHint(res *result, k key) string {
	if res.node.provider.alias != "" {
		return fmt.Sprintf("provide the gateway itself as %s, with module.As[%[1]s](websockets.Gateway(…)) in place of module.Alias", r.typeName(k.t))
	}
	return "write websockets.Gateway(" + res.node.name + ")"
}

// exportedAnywhere returns the exports of all modules for a key.
func (r *resolver) exportedAnywhere(k key) (out []*result) {
	for _, s := range r.scopes {
		if res, ok := s.exported[k]; ok {
			out = append(out, res)
		}
	}
	return out
}

func (r *resolver) handleHint(n *node, nd *need) string {
	for _, s := range r.scopes {
		if res, ok := s.own[nd.key]; ok {
			return fmt.Sprintf("module %s provides it privately; move %s to module.Exports", s.m.name, res.node.name)
		}
	}
	if hint := r.hintName(n.scope, nd.key); hint != "" {
		return hint
	}
	return fmt.Sprintf("list websockets.Gateway with a constructor that returns %s in module.Exports, in any module of the application", r.typeName(nd.key.t))
}

// instead returns the parameter type that stands for a type of the result, for messages; "" if
// none may.
func (res *result) instead(typeName string) string {
	for _, m := range res.marks() {
		if m, ok := m.mark.(injected.Mark); ok {
			return m.Instead(typeName)
		}
	}
	return ""
}

// handle provides the value of a parameter that stands for a result.
func (e *fxBuilder) handle(nd *need, to *result) {
	if to == nil {
		e.constant(nd.key.name, reflect.Zero(nd.lazy))
		return
	}
	if !e.once(bridgeKey{t: nd.lazy, name: nd.key.name}) {
		return
	}
	v, bind := nd.handle.New()
	e.r.handles[to.slot] = append(e.r.handles[to.slot], bind)
	e.foreign = append(e.foreign, named(nd.key.name, constant(reflect.ValueOf(v))))
}

// Bind passes v to the parameters that stand for the instance, such as websockets.ServerOf. The
// framework calls it.
func (i Instance) Bind(_ seal.Framework, v any) {
	for _, bind := range i.handles {
		bind(v)
	}
}
