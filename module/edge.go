package module

import (
	"iter"
	"reflect"
)

// Edge is one dependency of a constructor.
type Edge struct {
	// From needs To. A constructor with several results is its first one.
	From, To Declaration
	// Type is the type of the parameter: of [Lazy] its T, of a value group that of a member.
	Type reflect.Type
	// Lazy reports whether the parameter is a [Lazy].
	Lazy bool
}

// Edges yields the dependencies of all constructors, in declared order: one for each parameter
// with the declaration that fills it, and one for each member of a value group. Parameters that
// fx itself fills have none. The application need not be built.
func (g *Graph) Edges() iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		for from, d := range g.dependencies() {
			e := Edge{From: g.declaration(from.results[0]), To: g.declaration(d.to), Type: d.need.key.t, Lazy: d.need.lazy != nil}
			if d.need.group != nil {
				e.Type = d.need.group.t
			}
			if !yield(e) {
				return
			}
		}
	}
}

// dependency is a result that fills a need.
type dependency struct {
	need *need
	to   *result
}

// dependencies yields the dependencies of all constructors, in declared order.
func (g *Graph) dependencies() iter.Seq2[*node, dependency] {
	return func(yield func(*node, dependency) bool) {
		for _, s := range g.scopes {
			for _, n := range s.nodes {
				if !n.pruned && !n.dependencies(yield) {
					return
				}
			}
		}
	}
}

func (n *node) dependencies(yield func(*node, dependency) bool) bool {
	for i, bound := range n.bound {
		if bound.to != nil && !yield(n, dependency{&n.needs[i], bound.to}) {
			return false
		}
		for _, m := range bound.members {
			if !yield(n, dependency{&n.needs[i], m}) {
				return false
			}
		}
	}
	return true
}
