package module

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/identity"
)

// ownedMark is a mark and the module that lists it.
type ownedMark struct {
	mark  any
	owner *Module
}

// indexAll makes all nodes known by their constructors, once something is attached.
func (r *resolver) indexAll() {
	if r.byFunc != nil {
		return
	}
	r.byFunc, r.bySource = map[identity.Func][]*node{}, map[identity.Source][]*node{}
	for _, n := range r.nodes {
		r.index(n)
	}
}

func (r *resolver) index(n *node) {
	if r.byFunc == nil || n.provider.source != fromConstructor || !n.provider.ctor.IsValid() {
		return
	}
	f := n.provider.ctor.Interface()
	id, source := identity.OfFunc(f), identity.OfSource(f)
	r.byFunc[id] = append(r.byFunc[id], n)
	r.bySource[source] = append(r.bySource[source], n)
}

func sameConstructor(a, b *node) bool {
	return a.provider.source == fromConstructor && b.provider.source == fromConstructor &&
		identity.OfFunc(a.provider.ctor.Interface()) == identity.OfFunc(b.provider.ctor.Interface())
}

// sighting is a node that a module sees, and how.
type sighting struct {
	node  *node
	level level
	exact bool // by a key that the attached constructor would provide
}

// shared finds the node whose constructor an attached one is, in what the module sees.
// Of several, the one with the same type and name is meant, else the nearest.
func (r *resolver) shared(n *node, outs []keyedOutput) (*node, *mistake) {
	if n.provider.source != fromConstructor {
		return nil, nil
	}
	r.indexAll()
	f := n.provider.ctor.Interface()
	same := r.byFunc[identity.OfFunc(f)]
	for _, o := range same {
		if o.scope == n.scope && o.kind == KindAttached {
			return o, nil // what the module sees has been asked for that one
		}
	}
	if seen := r.sightings(n.scope, same, outs); len(seen) > 0 {
		return r.meant(seen)
	}
	for _, s := range r.sightings(n.scope, r.bySource[identity.OfSource(f)], outs) {
		if s.node.kind == KindAttached {
			continue // two of what nobody injects: each has its own
		}
		text := fmt.Sprintf("is bound, and may be %s of module %s or another one: Go does not compare method values and closures",
			s.node, s.node.scope.m)
		hint := fmt.Sprintf("to share one instance, store the constructor in a package variable and list that in both places; "+
			"to have two, bind a declared function that calls it, as in func NewSecond() %v", outs[0].t)
		return nil, &mistake{text, hint}
	}
	return nil, nil
}

// sightings returns those of the nodes that the module sees.
func (r *resolver) sightings(s *scope, nodes []*node, outs []keyedOutput) (seen []sighting) {
	for _, n := range nodes {
		at := sighting{node: n}
		if n.scope == s {
			at.level = levelOwn
		}
		for _, res := range n.results {
			for _, k := range res.keys {
				f := r.lookup(s, k)
				if !slices.Contains(f.results, res) {
					continue
				}
				if at.level == levelNone || f.level < at.level {
					at.level = f.level
				}
				at.exact = at.exact || slices.ContainsFunc(outs, func(o keyedOutput) bool { return slices.Contains(o.keys, k) })
			}
			if res.out.group != nil && at.level == levelNone && slices.Contains(r.visibleGroups(s), res) {
				at.level = levelImport
			}
		}
		if at.level != levelNone {
			seen = append(seen, at)
		}
	}
	return seen
}

// meant chooses among the nodes of one constructor.
func (r *resolver) meant(seen []sighting) (*node, *mistake) {
	if exact := slices.DeleteFunc(slices.Clone(seen), func(s sighting) bool { return !s.exact }); len(exact) > 0 {
		seen = exact
	}
	nearest := slices.MinFunc(seen, func(a, b sighting) int { return int(a.level) - int(b.level) }).level
	seen = slices.DeleteFunc(seen, func(s sighting) bool { return s.level != nearest })
	if len(seen) == 1 {
		return seen[0].node, nil
	}
	var b strings.Builder
	for i, s := range seen {
		if i > 0 {
			b.WriteString(" and ")
		}
		fmt.Fprintf(&b, "%s of module %s", r.provided(s.node), s.node.scope.m)
	}
	return nil, &mistake{fmt.Sprintf("is bound, and the module sees %d instances of it: %s", len(seen), &b),
		"bind the one that is meant by its type and name, with module.As and module.Named, or import only one of them"}
}

// provided names what a node provides: *Guard named "a".
func (r *resolver) provided(n *node) string {
	var names []string
	for _, res := range n.results {
		for _, k := range res.keys {
			names = append(names, r.keyName(k))
		}
	}
	return strings.Join(names, ", ")
}
