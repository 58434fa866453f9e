package module

import "slices"

// lookupKey identifies a lookup of a key in a module.
type lookupKey struct {
	scope int
	key   key
}

// found holds the visible results for a key. Several results are ambiguous.
type found struct {
	results []*result
	level   level
}

// level is where a module found a key. Lower levels hide higher ones.
type level uint8

const (
	levelNone level = iota
	levelOwn
	levelImport
	levelGlobal
	levelDefault
	levelElsewhere // of bindHandle
)

// lookup returns the results that the module sees for a key, in the order described in the
// package comment.
func (r *resolver) lookup(s *scope, k key) found {
	if res, ok := s.own[k]; ok {
		return found{[]*result{res}, levelOwn}
	}
	lk := lookupKey{s.id, k}
	f, ok := r.cache[lk]
	if !ok {
		f = r.search(s, k)
		r.cache[lk] = f
	}
	return f
}

func (r *resolver) search(s *scope, k key) found {
	if out := r.exported(s.imports, k); len(out) > 0 {
		return found{out, levelImport}
	}
	if out := r.exported(r.globals, k); len(out) > 0 {
		return found{out, levelGlobal}
	}
	if r.defaults != nil {
		if res, ok := r.defaults.own[k]; ok {
			return found{[]*result{res}, levelDefault}
		}
	}
	return found{}
}

// exported returns the exports of the modules for a key. A module's own export hides those
// that it re-exports.
func (r *resolver) exported(from []*scope, k key) (out []*result) {
	r.generation++
	var walk func([]*scope)
	walk = func(scopes []*scope) {
		for _, s := range scopes {
			if s.visited == r.generation {
				continue
			}
			s.visited = r.generation
			if res, ok := s.exported[k]; ok {
				out = append(out, res)
				continue
			}
			walk(s.reexports)
		}
	}
	walk(from)
	return out
}

// visibleModules returns the module itself and every module whose exports it sees, each
// once, without the defaults.
func (r *resolver) visibleModules(s *scope) []*scope {
	r.generation++
	s.visited = r.generation
	out := []*scope{s}
	var walk func([]*scope)
	walk = func(scopes []*scope) {
		for _, s := range scopes {
			if s.visited != r.generation {
				s.visited = r.generation
				out = append(out, s)
				walk(s.reexports)
			}
		}
	}
	walk(s.imports)
	walk(r.globals)
	return out
}

// members returns the members of a value group that the module sees.
func (r *resolver) members(s *scope, g groupKey) []*result {
	return slices.DeleteFunc(r.visibleGroups(s), func(res *result) bool { return *res.out.group != g })
}

func (r *resolver) visibleGroups(s *scope) (out []*result) {
	for _, from := range r.visibleModules(s) {
		for _, res := range from.groups {
			if from == s || res.node.exported {
				out = append(out, res)
			}
		}
	}
	if r.defaults != nil && s != r.defaults {
		out = append(out, r.defaults.groups...)
	}
	return out
}

// visible returns everything that the module sees unambiguously, for its raw fx options and
// for hints.
func (r *resolver) visible(s *scope) view {
	if v, ok := r.views[s]; ok {
		return v
	}
	var v view
	seen := map[key]bool{}
	add := func(res *result) {
		for _, k := range res.keys {
			if seen[k] {
				continue
			}
			seen[k] = true
			if f := r.lookup(s, k); len(f.results) == 1 {
				v.keys = append(v.keys, visibleKey{k, f.results[0]})
			}
		}
	}
	from := r.visibleModules(s)
	if r.defaults != nil && s != r.defaults {
		from = append(from, r.defaults)
	}
	for _, sc := range from {
		for _, n := range sc.nodes {
			if n.kind != KindProvider || sc != s && sc != r.defaults && !n.exported {
				continue
			}
			for _, res := range n.results {
				add(res)
			}
		}
	}
	v.groups = r.visibleGroups(s)
	r.views[s] = v
	return v
}

// bindAll binds the needs of all nodes.
func (r *resolver) bindAll() {
	for _, n := range r.nodes {
		if n.origin != originConstructor {
			continue
		}
		n.bound = make([]binding, len(n.needs))
		for i := range n.needs {
			n.bound[i] = r.bind(n, &n.needs[i])
		}
		n.deps = edges(n)
	}
}

func (r *resolver) bind(n *node, nd *need) binding {
	if nd.group != nil {
		return binding{members: r.members(n.scope, *nd.group)}
	}
	if nd.handle != nil {
		return r.bindHandle(n, nd)
	}
	f := r.lookup(n.scope, nd.key)
	switch {
	case len(f.results) == 1:
		return binding{to: f.results[0]}
	case len(f.results) > 1:
		r.ambiguous(n, nd, f)
	case nd.lazy == nil && builtin(nd.key):
		return binding{builtin: true}
	case !nd.optional:
		r.missing(n, nd)
	}
	return binding{}
}

// edges returns the nodes that must be built before n.
func edges(n *node) (out []edge) {
	for i, b := range n.bound {
		nd := &n.needs[i]
		if b.to != nil && (nd.lazy == nil || b.provided) {
			out = append(out, edge{b.to.node, nd})
		}
		for _, m := range b.members {
			out = append(out, edge{m.node, nd})
		}
	}
	return out
}
