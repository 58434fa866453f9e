package module

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/place"
)

// OverrideModule replaces a module wherever it is imported, for tests:
//
//	module.Resolve(root, module.OverrideModule(billing.Module, module.New("billing", module.Exports(NewFakeBilling))))
//
// Nothing of the module is built, nor of what only it imports. The replacement may import the
// module, to change only a part of what it exports. It is an error if nothing imports the module:
// modules are compared by pointer.
func OverrideModule(m, by *Module) ResolveOption {
	at, _ := callerPosition()
	return resolveOption{listed("OverrideModule", []any{m, by}), func(r *resolver) {
		r.modules = append(r.modules, moduleOverride{m: m, by: by, where: at})
	}}
}

type moduleOverride struct {
	m, by *Module
	where place.Position
	used  bool
}

// replaced returns what the module "in" imports in place of m.
func (r *resolver) replaced(in, m *Module) *Module {
	for i := range r.modules {
		if o := &r.modules[i]; o.m == m && o.by != nil && o.by != in {
			o.used = true
			return o.by
		}
	}
	return m
}

// checkModuleOverrides reports each OverrideModule that replaces nothing.
func (r *resolver) checkModuleOverrides(root *Module) {
	for _, o := range r.modules {
		var text, hint string
		switch {
		case o.m == nil || o.by == nil:
			text, hint = "a module is nil", "declare modules with `var Module = module.New(…)`"
		case o.m == root:
			text, hint = fmt.Sprintf("%s is the root module", o.m), "resolve the other module in place of it"
		case !o.used:
			var others []string
			for _, s := range r.scopes {
				if s != r.defaults && s.m != root {
					others = append(others, s.m.String())
				}
			}
			text = fmt.Sprintf("no module imports %s", o.m)
			hint = "remove it"
			if len(others) > 0 {
				hint = "pass one of these: " + strings.Join(others, ", ")
			}
		default:
			continue
		}
		r.problem(Problem{
			Kind: ProblemOverride, Place: o.where.String(), File: o.where.File(),
			Message: fmt.Sprintf("module.OverrideModule (%s): %s", o.where.String(), text), Hint: hint,
		})
	}
}

// OverrideAttached puts v in the place of the results of attached constructors of type t, which are
// not called: nothing injects these results, so that v may have any type. Constructors that the module
// also provides are not replaced. It is meant for frameworks, which know what may be in that place.
func OverrideAttached(t reflect.Type, v any) ResolveOption {
	return resolveOption{fmt.Sprintf("module.OverrideAttached(%v)", t), func(r *resolver) {
		r.attached = append(r.attached, attachedOverride{t, reflect.ValueOf(&v).Elem()})
	}}
}

type attachedOverride struct {
	t reflect.Type
	v reflect.Value
}

func (r *resolver) applyAttached() {
	for _, o := range r.attached {
		for _, n := range r.nodes {
			if n.kind == KindAttached && len(n.results) == 1 && n.results[0].out.t == o.t {
				r.values[n.results[0].slot] = o.v
				n.origin = originOverride
				n.override(nil)
			}
		}
	}
}

// WithValue has the graph carry a value, which [Graph.Value] returns. It is meant for frameworks; a
// key is of a type of its own, as with [context.WithValue].
func WithValue(key, v any) ResolveOption {
	return resolveOption{fmt.Sprintf("module.WithValue(%T)", key), func(r *resolver) {
		if r.carried == nil {
			r.carried = map[any]any{}
		}
		r.carried[key] = v
	}}
}
