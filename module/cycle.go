package module

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// cycles reports one shortest cycle for every group of constructors that depend on each
// other.
func (r *resolver) cycles() {
	for _, group := range r.components() {
		r.cycle(shortestCycle(group))
	}
}

// components returns the strongly connected components that contain a cycle (Tarjan's
// algorithm), in declared order, each starting with its first declared node.
func (r *resolver) components() (out [][]*node) {
	const done = math.MaxInt           // the component of the node is complete
	index := make([]int, len(r.nodes)) // 0: not visited
	var stack []*node
	next := 0
	var visit func(*node) int
	visit = func(n *node) (low int) { // the lowest index that n reaches
		next++
		own, at := next, len(stack)
		index[n.id], low = own, own
		stack = append(stack, n)
		for _, e := range n.deps {
			if index[e.to.id] == 0 {
				low = min(low, visit(e.to))
			} else {
				low = min(low, index[e.to.id])
			}
		}
		if low < own {
			return low
		}
		group := stack[at:]
		stack = stack[:at]
		for _, m := range group {
			index[m.id] = done
		}
		if len(group) > 1 || slices.ContainsFunc(n.deps, func(e edge) bool { return e.to == n }) {
			out = append(out, slices.SortedFunc(slices.Values(group), byDeclaration))
		}
		return done
	}
	for _, n := range r.nodes {
		if index[n.id] == 0 {
			visit(n)
		}
	}
	slices.SortFunc(out, func(a, b []*node) int { return byDeclaration(a[0], b[0]) })
	return out
}

func byDeclaration(a, b *node) int { return a.id - b.id }

// step is one dependency in a cycle: from needs a result of the next step's node.
type step struct {
	from *node
	need *need
}

// shortestCycle searches breadth first from the first node back to itself.
func shortestCycle(group []*node) []step {
	start := group[0]
	inside := map[*node]bool{}
	for _, n := range group {
		inside[n] = true
	}
	type predecessor struct {
		n *node
		e edge
	}
	reached := map[*node]predecessor{}
	for queue := []*node{start}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		for _, e := range n.deps {
			if _, seen := reached[e.to]; seen || !inside[e.to] {
				continue
			}
			reached[e.to] = predecessor{n, e}
			if e.to != start {
				queue = append(queue, e.to)
				continue
			}
			var steps []step
			for at := start; ; {
				p := reached[at]
				steps = append(steps, step{p.n, p.e.need})
				if at = p.n; at == start {
					break
				}
			}
			slices.Reverse(steps)
			return steps
		}
	}
	return nil
}

func (r *resolver) cycle(steps []step) {
	n := steps[0].from
	if len(steps) == 1 {
		nd := steps[0].need
		hint := "remove the parameter"
		if nd.group == nil {
			if f := r.search(n.scope, nd.key); len(f.results) > 0 {
				hint = fmt.Sprintf("its own result hides that of %s; return another type, or name it with module.Named",
					f.results[0].node)
			}
		}
		r.inModule(ProblemCycle, n.scope, n, fmt.Sprintf("needs %s (%s), which it provides itself",
			r.needName(nd), nd.label), hint)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "is in a cycle of %d constructors:", len(steps))
	for _, s := range steps {
		fmt.Fprintf(&b, "\n\t%s of module %s needs %s (%s) from", s.from, s.from.scope.m.name, r.needName(s.need), s.need.label)
	}
	fmt.Fprintf(&b, "\n\t%s", n)
	r.inModule(ProblemCycle, n.scope, n, b.String(), r.cycleHint(steps))
}

func (r *resolver) cycleHint(steps []step) string {
	lazy := ""
	for _, s := range steps {
		if s.need.group != nil {
			continue
		}
		name := r.typeName(s.need.key.t)
		if lazy == "" {
			lazy = fmt.Sprintf("break it with a Lazy, for example module.Lazy[%s] as %s of %s", name, s.need.label, s.from)
		}
		if f := r.lookup(s.from.scope, s.need.key); len(f.results) == 1 {
			if instead := f.results[0].instead(name); instead != "" {
				return fmt.Sprintf("if %s only sends to clients, inject %s as %s, which is no dependency; else module.Lazy[%s]",
					s.from, instead, s.need.label, name)
			}
		}
	}
	return cmp.Or(lazy, "split one of them in two")
}

func (r *resolver) needName(nd *need) string {
	if nd.group != nil {
		return fmt.Sprintf("the group %q of %s", nd.group.name, r.typeName(nd.group.t))
	}
	return r.keyName(nd.key)
}
