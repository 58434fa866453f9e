package module

import (
	"fmt"
	"reflect"
)

// ResolveOption is an option of [Resolve]. Only this package can implement it.
type ResolveOption interface {
	fmt.Stringer
	applyResolve(*resolver)
}

type resolveOption struct {
	text string
	fn   func(*resolver)
}

func (o resolveOption) String() string { return o.text }

func (o resolveOption) applyResolve(r *resolver) { o.fn(r) }

// Provide adds default providers that every module sees. Providers of the module itself, of
// its imports and of [Global] modules hide them.
//
//	module.Resolve(root, module.Provide(module.Value(slog.Default())))
//
// The items are those of [Providers]. Instances and messages list them in a module named
// "defaults".
func Provide(items ...any) ResolveOption {
	at, _ := callerPosition()
	return resolveOption{listed("Provide", items), func(r *resolver) {
		if r.defaults == nil {
			r.defaults = &scope{m: &Module{name: "defaults", where: at}}
		}
		r.defaults.m.addItems("Provide", items, KindProvider, false)
	}}
}

// AttachToRoot adds constructors to the root module as if they were attached to
// one of its providers; see [Attach].
func AttachToRoot(items ...any) ResolveOption {
	return resolveOption{listed("AttachToRoot", items), func(r *resolver) { r.toRoot = append(r.toRoot, items...) }}
}

// Check adds the checks of a framework: Resolve calls f with the graph and reports the problems
// that it returns in one list with its own. The graph may have problems too; f must use only
// [Graph.Declared], [Graph.Modules] and [Graph.Root].
//
//	module.Check(func(g *module.Graph) (problems []module.Problem) {
//		for d := range g.Declared() {
//			if !valid(d) {
//				problems = append(problems, d.Problem(module.ProblemInvalid, "has no schedule", "pass one to Job"))
//			}
//		}
//		return problems
//	})
func Check(f func(*Graph) []Problem) ResolveOption {
	return resolveOption{"module.Check", func(r *resolver) { r.checks = append(r.checks, f) }}
}

// Override injects v wherever T is injected, for tests:
//
//	module.Resolve(root, module.Override[Mailer](&fakeMailer{}))
//
// It replaces every provider of T in every module, including [FromFx] and named ones. Their
// constructors are not called, nor are private providers that only those constructors
// needed, unless these have a mark or their module has raw fx options. If a constructor has
// several results, only the T is replaced. Marks are kept. Value groups are not changed. It
// is an error if nothing provides T, so that a test notices when its fake is not used.
func Override[T any](v T) ResolveOption {
	at, _ := callerPosition()
	o := override{reflect.ValueOf(&v).Elem(), at}
	return resolveOption{"module.Override[" + o.v.Type().String() + "]", func(r *resolver) { r.overrides = append(r.overrides, o) }}
}

type override struct {
	v     reflect.Value
	where position
}

// applyOverrides replaces results by the values of Override.
func (r *resolver) applyOverrides() {
	for _, o := range r.overrides {
		t, used := o.v.Type(), false
		for _, n := range r.nodes {
			for _, res := range n.results {
				for _, k := range res.keys {
					if k.t == t {
						used = true
						r.overrideResult(n, res, o)
						break
					}
				}
			}
		}
		if !used {
			r.problem(Problem{
				Kind:    ProblemOverride,
				Place:   o.where.short(),
				File:    o.where.long(),
				Message: fmt.Sprintf("module.Override[%s] (%s): no module provides %[1]s", r.typeName(t), o.where.short()),
				Hint:    r.overrideHint(t),
			})
		}
	}
}

func (r *resolver) overrideResult(n *node, res *result, o override) {
	v := o.v
	if v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	for _, k := range res.keys {
		if k.t != o.v.Type() && !v.Type().AssignableTo(k.t) {
			r.inModule(ProblemOverride, n.scope, n,
				fmt.Sprintf("also provides %s, which %v of module.Override[%s] (%s) does not implement",
					r.keyName(k), v.Type(), r.typeName(o.v.Type()), o.where.short()),
				"override with a value that implements both")
		}
	}
	r.values[res.slot] = o.v
	if len(n.results) == 1 && n.origin == originConstructor {
		n.origin = originOverride
		n.originalNeeds, n.needs = n.needs, nil
	}
}

// overrideHint finds the type that was probably intended: fakes are often passed with their
// own type instead of the interface that they implement.
func (r *resolver) overrideHint(t reflect.Type) string {
	for _, n := range r.nodes {
		for _, res := range n.results {
			for _, k := range res.keys {
				if k.t.Kind() == reflect.Interface && k.t.NumMethod() > 0 && t.Implements(k.t) {
					return fmt.Sprintf("%s of module %s provides %s; use module.Override[%[3]s]",
						n, n.scope.m, r.typeName(k.t))
				}
			}
		}
	}
	return "remove it, or override the type that constructors inject"
}

// prune drops the private providers that only overridden constructors need: a test that
// replaces the database must not dial it.
func (r *resolver) prune() {
	unneeded := map[*node]bool{} // unless a node that is built needs it
	var collect func(s *scope, needs []need)
	collect = func(s *scope, needs []need) {
		for i := range needs {
			var targets []*result
			if g := needs[i].group; g != nil {
				targets = r.members(s, *g)
			} else {
				targets = r.lookup(s, needs[i].key).results
			}
			for _, res := range targets {
				n := res.node
				if unneeded[n] || n.exported || n.injected || len(n.provider.marks)+len(n.marks) > 0 || len(n.scope.m.fxOptions) > 0 {
					continue // built anyway, or possibly needed by raw fx options
				}
				unneeded[n] = true
				collect(n.scope, n.needs)
			}
		}
	}
	for _, n := range r.nodes {
		if n.origin == originOverride {
			collect(n.scope, n.originalNeeds)
		}
	}
	if len(unneeded) == 0 {
		return
	}
	kept := map[*node]bool{}
	var keep func(*node)
	keep = func(n *node) {
		if kept[n] {
			return
		}
		kept[n] = true
		for _, b := range n.bound {
			if b.to != nil {
				keep(b.to.node)
			}
			for _, m := range b.members {
				keep(m.node)
			}
		}
	}
	for _, n := range r.nodes {
		if !unneeded[n] {
			keep(n)
		}
	}
	for _, n := range r.nodes {
		n.pruned = !kept[n]
	}
}
