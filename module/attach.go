package module

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/identity"
)

// ownedMark is a mark with the module that lists it.
type ownedMark struct {
	mark  any
	owner *Module
}

// indexConstructors indexes all nodes by their constructors. It does nothing if they are
// indexed already.
func (r *resolver) indexConstructors() {
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

// candidate is a visible node with the constructor of an attached one.
type candidate struct {
	node  *node
	level level
	exact bool // it provides a key of the attached constructor
}

// findShared returns the node, visible in the module of n, that has the same constructor
// as the attached node n; nil if there is none. With several it prefers the one with the
// same type and name, then the nearest.
func (r *resolver) findShared(n *node, outs []keyedOutput) (*node, *mistake) {
	if n.provider.source != fromConstructor {
		return nil, nil
	}
	r.indexConstructors()
	f := n.provider.ctor.Interface()
	same := r.byFunc[identity.OfFunc(f)]
	for _, o := range same {
		if o.scope == n.scope && o.kind == KindAttached {
			return o, nil // already attached in this module; the search below was made for that one
		}
	}
	if all := r.candidates(n.scope, same, outs); len(all) > 0 {
		return r.choose(all)
	}
	for _, c := range r.candidates(n.scope, r.bySource[identity.OfSource(f)], outs) {
		if c.node.kind == KindAttached {
			continue // attached nodes are not injected: each may have its own instance
		}
		text := fmt.Sprintf("is bound, and may be %s of module %s or another one: Go does not compare method values and closures",
			c.node, c.node.scope.m)
		hint := fmt.Sprintf("to share one instance, store the constructor in a package variable and list that in both places; "+
			"to have two, bind a declared function that calls it, as in func NewSecond() %v", outs[0].t)
		return nil, &mistake{text, hint}
	}
	return nil, nil
}

// candidates returns those of the nodes that the module sees.
func (r *resolver) candidates(s *scope, nodes []*node, outs []keyedOutput) (all []candidate) {
	for _, n := range nodes {
		c := candidate{node: n}
		if n.scope == s {
			c.level = levelOwn
		}
		for _, res := range n.results {
			for _, k := range res.keys {
				f := r.lookup(s, k)
				if !slices.Contains(f.results, res) {
					continue
				}
				if c.level == levelNone || f.level < c.level {
					c.level = f.level
				}
				c.exact = c.exact || slices.ContainsFunc(outs, func(o keyedOutput) bool { return slices.Contains(o.keys, k) })
			}
			if res.out.group != nil && c.level == levelNone && slices.Contains(r.visibleGroups(s), res) {
				c.level = levelImport
			}
		}
		if c.level != levelNone {
			all = append(all, c)
		}
	}
	return all
}

// choose returns the exact and nearest of the candidates, or reports that several are.
func (r *resolver) choose(all []candidate) (*node, *mistake) {
	if exact := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !c.exact }); len(exact) > 0 {
		all = exact
	}
	nearest := slices.MinFunc(all, func(a, b candidate) int { return int(a.level) - int(b.level) }).level
	all = slices.DeleteFunc(all, func(c candidate) bool { return c.level != nearest })
	if len(all) == 1 {
		return all[0].node, nil
	}
	var instances []string
	for _, c := range all {
		instances = append(instances, fmt.Sprintf("%s of module %s", r.provided(c.node), c.node.scope.m))
	}
	return nil, &mistake{fmt.Sprintf("is bound, and the module sees %d instances of it: %s", len(all), strings.Join(instances, " and ")),
		"bind the intended one by its type and name, with module.As and module.Named, or import only one of them"}
}

// provided lists the keys of a node: *Guard named "a".
func (r *resolver) provided(n *node) string {
	var names []string
	for _, res := range n.results {
		for _, k := range res.keys {
			names = append(names, r.keyName(k))
		}
	}
	return strings.Join(names, ", ")
}
