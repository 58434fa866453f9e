package module

import (
	"iter"
	"reflect"
	"sync"
	"sync/atomic"
)

// Graph is a resolved graph of modules, returned by [Resolve]. It is immutable, except
// that each call of [Graph.Fx] starts a new set of instances, and safe for concurrent use.
type Graph struct {
	root     *Module
	scopes   []*scope
	defaults *scope
	order    []*node
	segments []segment
	slots    int
	values   map[int]reflect.Value
	views    map[*scope]view // for modules with raw fx options
	current  atomic.Pointer[run]
	carried  map[any]any

	mu       sync.Mutex
	resolver *resolver // for Lookup; guarded by mu
}

// view holds the results that a module sees.
type view struct {
	keys   []visibleKey
	groups []*result
}

type visibleKey struct {
	key
	from *result
}

func (r *resolver) graph(root *Module) *Graph {
	g := &Graph{
		root:     root,
		scopes:   r.scopes,
		defaults: r.defaults,
		order:    r.order(),
		slots:    r.outputs,
		values:   r.values,
		views:    map[*scope]view{},
		resolver: r,
		carried:  r.carried,
	}
	g.segments = r.segments(g.order)
	for _, s := range r.scopes {
		if len(s.m.fxOptions) > 0 {
			g.views[s] = r.visible(s)
		}
	}
	r.sigs, r.byFunc, r.bySource = nil, nil, nil // not needed by Lookup
	return g
}

// Modules yields every module once: depth first, imports first, in declared order. It
// omits the defaults of [Provide].
func (g *Graph) Modules() iter.Seq[*Module] {
	return func(yield func(*Module) bool) {
		for _, s := range g.scopes {
			if s != g.defaults && !yield(s.m) {
				return
			}
		}
	}
}

// Root returns the root module.
func (g *Graph) Root() *Module { return g.root }

// Value returns the value that [WithValue] has set for a key; nil for none. It is meant for frameworks.
func (g *Graph) Value(key any) any { return g.carried[key] }

// run is the state of one call of Fx.
type run struct {
	slots     []slot
	done      atomic.Bool
	building  atomic.Pointer[node] // the constructor that runs
	abandoned atomic.Bool
	handles   map[int][]func(any) // by slot; see Instance.Bind
}

// Building returns the constructor that runs at this moment, while fx builds the graph. It is meant
// for frameworks.
func (g *Graph) Building() (Declaration, bool) {
	r := g.current.Load()
	if r == nil {
		return Declaration{}, false
	}
	n := r.building.Load()
	if n == nil || len(n.results) == 0 {
		return Declaration{}, false
	}
	return g.declaration(n.results[0]), true
}

// Abandon ends the build that runs: constructors that have not started do not run, and fx.New fails
// when the current one returns. It is meant for frameworks that do not wait for it any longer.
func (g *Graph) Abandon() {
	if r := g.current.Load(); r != nil {
		r.abandoned.Store(true)
	}
}
