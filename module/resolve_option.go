package module

import "fmt"

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
