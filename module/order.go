package module

// order returns the nodes dependencies first. Within that the order is the
// declared one, and the nodes of a module stay together as far as can be, so
// that one fx.Module holds them all.
func (r *resolver) order() []*node {
	r.soften()
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
		for _, l := range n.late {
			build(l)
		}
		out = append(out, n)
		if n.provider.source == fromFx {
			// What raw options provide is taken from fx at one point.
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
	kept := out[:0]
	for _, n := range out {
		if !n.pruned {
			kept = append(kept, n)
		}
	}
	return kept
}

// soften places what raw fx options provide after the module's own providers
// that do not need it: raw constructors may inject those, unknown to Resolve.
func (r *resolver) soften() {
	raw := false
	for _, s := range r.scopes {
		raw = raw || len(s.fxNodes) > 0
	}
	if !raw {
		return
	}
	users := make([][]*node, len(r.nodes))
	for _, n := range r.nodes {
		for _, e := range n.deps {
			users[e.to.id] = append(users[e.to.id], n)
		}
	}
	for _, s := range r.scopes {
		if len(s.fxNodes) == 0 {
			continue
		}
		reaches := make([]bool, len(r.nodes))
		var mark func(*node)
		mark = func(n *node) {
			if reaches[n.id] {
				return
			}
			reaches[n.id] = true
			for _, u := range users[n.id] {
				mark(u)
			}
		}
		for _, n := range s.fxNodes {
			mark(n)
		}
		for _, n := range s.nodes {
			if reaches[n.id] || n.kind != KindProvider {
				continue
			}
			for _, f := range s.fxNodes {
				f.late = append(f.late, n)
				users[n.id] = append(users[n.id], f)
			}
		}
	}
}

// moduleOrder returns the modules in traversal order, except that one comes after
// those it depends on, where they do not depend on each other: a global module
// may be reached last and needed first.
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

// segment is a run of nodes of one module.
type segment struct {
	scope *scope
	nodes []*node
	raw   bool // the module's raw fx options go here
}

// segments cuts the order into runs. A module has several only when it and
// another one depend on each other through different constructors.
func (r *resolver) segments(order []*node) []segment {
	var out []segment
	home := map[*scope]int{} // where raw options go: with FromFx, else last
	fixed := map[*scope]bool{}
	for _, n := range order {
		if len(out) == 0 || out[len(out)-1].scope != n.scope {
			out = append(out, segment{scope: n.scope})
		}
		last := len(out) - 1
		out[last].nodes = append(out[last].nodes, n)
		if !fixed[n.scope] {
			home[n.scope] = last
			fixed[n.scope] = n.provider.source == fromFx
		}
	}
	for _, s := range r.moduleOrder() {
		if len(s.m.fxOptions) == 0 {
			continue
		}
		at, ok := home[s]
		if !ok {
			out = append(out, segment{scope: s})
			at = len(out) - 1
		}
		out[at].raw = true
	}
	return out
}
