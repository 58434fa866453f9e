package module

import "slices"

// order returns the nodes, dependencies first and otherwise in declared order. It keeps
// the nodes of a module together where possible, so that they fit into one fx.Module.
func (r *resolver) order() []*node {
	r.delayFxNodes()
	var out []*node
	done := make([]bool, len(r.nodes))
	var build func(*node)
	build = func(n *node) {
		if done[n.id] {
			return
		}
		done[n.id] = true
		for _, e := range n.deps {
			build(e.to)
		}
		for _, before := range n.after {
			build(before)
		}
		out = append(out, n)
		if n.provider.source == fromFx {
			// The raw options of a module are in one place, and so are their results.
			for _, sibling := range n.scope.fxNodes {
				build(sibling)
			}
		}
	}
	for _, s := range r.moduleOrder() {
		for _, n := range s.nodes {
			if n.provider.source != fromFx {
				build(n)
			}
		}
		for _, n := range s.fxNodes {
			build(n)
		}
	}
	return slices.DeleteFunc(out, func(n *node) bool { return n.pruned })
}

// delayFxNodes orders FromFx nodes after the module's other providers that do not depend
// on them: raw fx constructors may inject those, which Resolve cannot know.
func (r *resolver) delayFxNodes() {
	if !slices.ContainsFunc(r.scopes, func(s *scope) bool { return len(s.fxNodes) > 0 }) {
		return
	}
	dependents := make([][]*node, len(r.nodes))
	for _, n := range r.nodes {
		for _, e := range n.deps {
			dependents[e.to.id] = append(dependents[e.to.id], n)
		}
	}
	for _, s := range r.scopes {
		if len(s.fxNodes) == 0 {
			continue
		}
		dependent := make([]bool, len(r.nodes)) // on an fx node of the module
		var mark func(*node)
		mark = func(n *node) {
			if dependent[n.id] {
				return
			}
			dependent[n.id] = true
			for _, d := range dependents[n.id] {
				mark(d)
			}
		}
		for _, n := range s.fxNodes {
			mark(n)
		}
		for _, n := range s.nodes {
			if dependent[n.id] || n.kind != KindProvider {
				continue
			}
			for _, f := range s.fxNodes {
				f.after = append(f.after, n)
				dependents[n.id] = append(dependents[n.id], f)
			}
		}
	}
}

// moduleOrder returns the modules in traversal order, except that a module follows those
// it depends on, unless they depend on each other: a global module may be reached last but
// be needed first.
func (r *resolver) moduleOrder() []*scope {
	var out []*scope
	done := make([]bool, len(r.scopes))
	var add func(*scope)
	add = func(s *scope) {
		if done[s.id] {
			return
		}
		done[s.id] = true
		for _, n := range s.nodes {
			for _, e := range n.deps {
				add(e.to.scope)
			}
		}
		out = append(out, s)
	}
	for _, s := range r.scopes {
		add(s)
	}
	return out
}

// segment is a sequence of nodes of one module.
type segment struct {
	scope *scope
	nodes []*node
	raw   bool // the module's raw fx options go here
}

// segments splits the order into segments. A module has several only if it and another
// module depend on each other through different constructors.
func (r *resolver) segments(order []*node) []segment {
	var out []segment
	rawSegment := map[*scope]int{} // of raw options: that with FromFx nodes, else the last
	fixed := map[*scope]bool{}
	for _, n := range order {
		if len(out) == 0 || out[len(out)-1].scope != n.scope {
			out = append(out, segment{scope: n.scope})
		}
		last := len(out) - 1
		out[last].nodes = append(out[last].nodes, n)
		if !fixed[n.scope] {
			rawSegment[n.scope] = last
			fixed[n.scope] = n.provider.source == fromFx
		}
	}
	for _, s := range r.moduleOrder() {
		if len(s.m.fxOptions) == 0 {
			continue
		}
		at, ok := rawSegment[s]
		if !ok {
			out = append(out, segment{scope: s})
			at = len(out) - 1
		}
		out[at].raw = true
	}
	return out
}
