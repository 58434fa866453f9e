package module

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/place"
)

// Resolve resolves and checks the graph of modules that are reachable from root. It calls
// no constructors:
//
//	graph, err := module.Resolve(Module, module.Provide(module.Value(logger)))
//	if err != nil {
//		return err // a *module.Error with every problem
//	}
//	app := fx.New(graph.Fx())
//
// The error is a *[Error]. Resolve is safe for concurrent use, also for the same root.
func Resolve(root *Module, opts ...ResolveOption) (*Graph, error) {
	r := &resolver{
		byModule: map[*Module]*scope{},
		sigs:     signatures{},
		cache:    map[lookupKey]found{},
		views:    map[*scope]view{},
		hints:    map[lookupKey]string{},
		values:   map[int]reflect.Value{},
	}
	for _, o := range opts {
		if o == nil {
			r.problem(Problem{Kind: ProblemInvalid, Message: "an option of module.Resolve is nil", Hint: "remove it"})
			continue
		}
		o.applyResolve(r)
	}
	if root == nil {
		r.problem(Problem{
			Kind:    ProblemInvalid,
			Message: "the root module is nil",
			Hint:    "declare it with `var Module = module.New(…)` and do not assign it in init",
		})
		return nil, &Error{r.problems}
	}
	r.collect(root)
	r.checkModuleOverrides(root)
	r.applyOverrides()
	r.bindAll()
	r.bindInjected()
	r.cycles()
	if len(r.problems) == 0 {
		r.prune()
	}
	g := r.graph(root)
	for _, check := range r.checks {
		r.problems = append(r.problems, check(g)...)
	}
	if len(r.problems) > 0 {
		return nil, &Error{r.problems}
	}
	return g, nil
}

// resolver is the state of one call of Resolve.
type resolver struct {
	scopes   []*scope // the defaults, if any; then depth first, imports first
	byModule map[*Module]*scope
	toRoot   []any
	injected []*node
	defaults *scope
	globals  []*scope
	nodes    []*node
	outputs  int
	byFunc   map[identity.Func][]*node   // by constructor; see indexConstructors
	bySource map[identity.Source][]*node // by the source of the constructor; likewise

	sigs       signatures
	cache      map[lookupKey]found
	views      map[*scope]view
	hints      map[lookupKey]string
	generation int // of the current traversal, see scope.visited
	overrides  []override
	modules    []moduleOverride
	attached   []attachedOverride
	carried    map[any]any // by WithValue
	checks     []func(*Graph) []Problem
	values     map[int]reflect.Value // by slot; values that need no constructor
	names      *typeNames
	problems   []Problem
}

// scope is a module during and after resolution.
type scope struct {
	id        int
	m         *Module
	imports   []*scope
	reexports []*scope
	nodes     []*node // providers, then controllers, then attached
	own       map[key]*result
	exported  map[key]*result
	groups    []*result
	fxNodes   []*node // FromFx
	visited   int     // generation of the last traversal that reached it
}

// node is a provider in a module. It is built once.
type node struct {
	id       int
	scope    *scope
	provider Provider
	kind     Kind
	exported bool
	full     string // name with package
	name     string
	where    place.Position
	needs    []need
	bound    []binding // one for each of needs
	results  []*result
	origin   origin
	original *node       // as it was, if it is overridden
	marks    []ownedMark // of attached constructors that share this one
	injected bool        // a pipeline.Injected needs it
	pruned   bool
	deps     []edge
	after    []*node // built before this node, but not dependencies; see delayFxNodes
}

// origin is where the results of a node come from.
type origin uint8

const (
	originConstructor origin = iota // or raw fx options
	originValue
	originOverride // its constructor is not called
)

// result is one value that a node provides.
type result struct {
	node *node
	slot int
	out  output
	keys []key // empty for a member of a value group
}

// binding is the source of a need: a result, members of a group, or fx itself; all fields
// are empty for an optional need without a provider.
type binding struct {
	to       *result
	provided bool // to is a handle that a module provides itself
	members  []*result
	builtin  bool
}

// edge is a dependency that must be built first.
type edge struct {
	to   *node
	need *need
}

func (r *resolver) problem(p Problem) { r.problems = append(r.problems, p) }

// inModule reports a problem of a module, or of a constructor in it if n is not nil.
func (r *resolver) inModule(kind ProblemKind, s *scope, n *node, text, hint string) {
	p := Problem{
		Kind:    kind,
		Module:  s.m,
		Place:   s.m.where.String(),
		File:    s.m.where.File(),
		Message: "module " + s.m.String() + ": ",
		Hint:    hint,
	}
	if n != nil {
		p.Constructor, p.Place, p.File = n.name, n.where.String(), n.where.File()
		p.Message += n.String() + " "
	}
	p.Message += text
	r.problem(p)
}

// String returns the node in the form of messages: NewOrders (orders/orders.go:30).
func (n *node) String() string { return n.name + " (" + n.where.String() + ")" }

// collect creates a scope for each reachable module and a node for each provider.
func (r *resolver) collect(root *Module) {
	if r.defaults != nil {
		r.addScope(r.defaults)
	}
	r.addModule(root)
	r.addAttached(root)
	r.names = nil // problems reported so far may have computed it from a part of the nodes
}

func (r *resolver) addModule(m *Module) *scope {
	if s, ok := r.byModule[m]; ok {
		return s
	}
	s := &scope{m: m}
	r.byModule[m] = s
	for _, ref := range m.imports {
		imported := r.addModule(r.replaced(m, ref.module))
		if !slices.Contains(s.imports, imported) {
			s.imports = append(s.imports, imported)
		}
		if ref.reexport {
			s.reexports = append(s.reexports, imported)
		}
	}
	r.addScope(s)
	if m.global {
		r.globals = append(r.globals, s)
	}
	return s
}

func (r *resolver) addScope(s *scope) {
	s.id = len(r.scopes)
	r.scopes = append(r.scopes, s)
	s.own, s.exported = map[key]*result{}, map[key]*result{}
	for _, m := range s.m.mistakes {
		r.inModule(ProblemInvalid, s, nil, m.text, m.hint)
	}
	for _, kind := range []Kind{KindProvider, KindController} {
		for _, it := range s.m.items {
			if it.kind == kind {
				r.addNode(s, it)
			}
		}
	}
}

// addAttached adds attached constructors. All providers must have been added.
func (r *resolver) addAttached(root *Module) {
	for _, s := range r.scopes {
		for _, it := range s.m.items {
			if it.kind == KindAttached {
				r.addNode(s, it)
			}
		}
	}
	s, extra := r.byModule[root], &Module{}
	extra.addItems("AttachToRoot", r.toRoot, KindAttached, false)
	for _, m := range extra.mistakes {
		r.inModule(ProblemInvalid, s, nil, m.text, m.hint)
	}
	for _, it := range extra.items {
		r.addNode(s, it)
	}
}

func (r *resolver) addNode(s *scope, it item) {
	p := it.provider
	n := &node{id: len(r.nodes), scope: s, provider: p, kind: it.kind, exported: it.exported}
	n.full, n.name, n.where = p.names()
	if n.where == (place.Position{}) {
		n.where = s.m.where
	}
	if p.source == fromModule {
		r.injected = append(r.injected, n) // it stands for another node
		return
	}
	plain, bad := r.signature(n)
	outs, annotation := annotate(p, plain)
	if bad == nil {
		bad = annotation
	}
	if n.kind == KindAttached && bad == nil {
		var same *node
		if same, bad = r.findShared(n, outs); same != nil {
			for _, m := range p.marks {
				same.marks = append(same.marks, ownedMark{m, s.m})
			}
			return
		}
	}
	if bad == nil && p.source == fromFx && len(s.m.fxOptions) == 0 {
		bad = &mistake{"is in a module without raw fx options", "add module.Fx(…) to the module"}
	}
	if bad != nil {
		// Its results stay visible, so that the nodes that need them are not reported too.
		r.inModule(ProblemInvalid, s, n, bad.text, bad.hint)
	}
	r.nodes = append(r.nodes, n)
	s.nodes = append(s.nodes, n)
	r.index(n)
	if p.source == fromFx {
		s.fxNodes = append(s.fxNodes, n)
	}
	for _, o := range outs {
		res := &result{node: n, slot: r.outputs, out: o.output, keys: o.keys}
		r.outputs++
		n.results = append(n.results, res)
		if p.source == fromValue {
			n.origin = originValue
			r.values[res.slot] = p.value
		}
		if n.kind != KindProvider {
			continue
		}
		if o.group != nil {
			s.groups = append(s.groups, res)
		}
		for _, k := range res.keys {
			r.addKey(s, res, k)
		}
	}
}

// addKey makes a result visible in its module, and to importers if it is exported.
func (r *resolver) addKey(s *scope, res *result, k key) {
	if first, ok := s.own[k]; ok {
		if first.node == res.node {
			r.inModule(ProblemDuplicate, s, res.node, "provides "+r.keyName(k)+" twice",
				"return a struct, or an fx.Out with names")
			return
		}
		r.duplicate(s, first.node, res.node, k)
		return
	}
	s.own[k] = res
	if res.node.exported {
		s.exported[k] = res
	}
}

func (r *resolver) duplicate(s *scope, a, b *node, k key) {
	if sameConstructor(a, b) {
		hint := "remove one"
		if a.exported != b.exported {
			hint = "remove it from module.Providers; module.Exports provides it too"
		}
		r.inModule(ProblemDuplicate, s, b, "is listed twice", hint)
		return
	}
	r.inModule(ProblemDuplicate, s, b,
		fmt.Sprintf("provides %s, which %s also provides", r.keyName(k), a),
		"remove one, or distinguish them with module.Named")
}

func (r *resolver) signature(n *node) ([]output, *mistake) {
	p := n.provider
	if p.source != fromConstructor {
		if text := unprovidable(p.typ); text != "" {
			return nil, &mistake{fmt.Sprintf("provides %v, %s", p.typ, text), "wrap it in a struct"}
		}
		if embeds(p.typ) {
			return nil, &mistake{"provides an fx.In or fx.Out object", "provide its fields"}
		}
		return []output{{t: p.typ}}, nil
	}
	sig := r.sigs.of(p.ctor.Type())
	n.needs = sig.needs
	return sig.results, sig.err
}

type keyedOutput struct {
	output
	keys []key
}

// annotate applies As and Named.
func annotate(p Provider, outs []output) (keyed []keyedOutput, bad *mistake) {
	object, as := len(outs) > 0 && len(outs[0].path) > 1, p.as
	switch {
	case len(outs) == 0:
		return nil, nil
	case len(p.as) > 0 && p.source == fromFx:
		bad = &mistake{"cannot be provided as another type", "also provide func(v " + p.typ.String() + ") " +
			p.as[0].String() + " { return v }"}
	case len(p.as) > 0 && (len(outs) != 1 || object):
		bad = &mistake{"has several results, but module.As needs exactly one", "return one value"}
		as = nil
	case p.name != "" && object:
		bad = &mistake{"returns an fx.Out, which module.Named cannot name", "name its fields with `name:\"…\"` tags"}
	}
	for _, o := range outs {
		ko := keyedOutput{output: o}
		name := cmp.Or(p.name, o.name)
		for _, t := range as {
			if text := unprovidable(t); bad == nil && text != "" {
				bad = &mistake{fmt.Sprintf("provides %v, %s", t, text), "wrap it in a struct"}
			}
			if bad == nil && !o.t.AssignableTo(t) {
				bad = &mistake{notAssignable(o.t, t), "correct the type in module.As"}
			}
			ko.keys = append(ko.keys, key{t, name})
		}
		if len(as) == 0 && o.group == nil {
			ko.keys = []key{{o.t, name}}
		}
		keyed = append(keyed, ko)
	}
	return keyed, bad
}

func notAssignable(t, as reflect.Type) string {
	text := fmt.Sprintf("provides %v as %v, to which it is not assignable", t, as)
	if as.Kind() != reflect.Interface {
		return text
	}
	text = fmt.Sprintf("provides %v as %v, which it does not implement", t, as)
	for m := range as.Methods() {
		if _, ok := t.MethodByName(m.Name); ok {
			continue
		}
		if _, ok := reflect.PointerTo(t).MethodByName(m.Name); ok {
			return text + ": method " + m.Name + " has a pointer receiver"
		}
		return text + ": method " + m.Name + " is missing"
	}
	return text
}

// builtin reports whether fx itself provides the key in every module.
func builtin(k key) bool {
	return k.name == "" && (k.t == lifecycleType || k.t == shutdownerType || k.t == dotGraphType)
}

var (
	lifecycleType  = reflect.TypeFor[fx.Lifecycle]()
	shutdownerType = reflect.TypeFor[fx.Shutdowner]()
	dotGraphType   = reflect.TypeFor[fx.DotGraph]()
)
