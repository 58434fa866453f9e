package module

import (
	"fmt"
	"reflect"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/internal/identity"
)

// Resolve checks the graph of modules that are reachable from root, and returns
// it ready for fx. It builds nothing and calls no constructor:
//
//	graph, err := module.Resolve(Module, module.Provide(module.Value(logger)))
//	if err != nil {
//		return err // a *module.Error with every problem
//	}
//	app := fx.New(graph.Fx())
//
// The error is a *[Error]. Resolve may run in several goroutines, also for the
// same root.
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
	r.override()
	r.bindAll()
	r.cycles()
	if len(r.problems) > 0 {
		return nil, &Error{r.problems}
	}
	r.prune()
	return r.graph(root), nil
}

// resolver holds what one call of Resolve works with.
type resolver struct {
	scopes   []*scope // depth first, imports first; the defaults, if any, lead
	byModule map[*Module]*scope
	toRoot   []any
	defaults *scope
	globals  []*scope
	nodes    []*node
	outputs  int
	byFunc   map[identity.Func][]*node   // by constructor; nil until something is attached
	bySource map[identity.Source][]*node // by where the constructor is written; likewise

	sigs      signatures
	cache     map[lookupKey]found
	views     map[*scope]view
	hints     map[lookupKey]string
	visit     int // stamps scopes during a lookup
	overrides []overriding
	values    map[int]reflect.Value // slot → value known without a constructor
	names     *typeNames
	problems  []Problem
}

// scope is a module during and after resolution.
type scope struct {
	id        int
	m         *Module
	imports   []*scope
	reexports []*scope
	nodes     []*node // providers, then controllers, then what is attached to them
	own       map[key]*result
	exported  map[key]*result
	groups    []*result
	fxNodes   []*node // FromFx
	visited   int
}

// node is a provider in a module: what is built once.
type node struct {
	id       int
	scope    *scope
	provider Provider
	kind     Kind
	exported bool
	full     string
	name     string
	where    place
	needs    []need
	bound    []binding // like needs
	results  []*result
	fixed    bool // its constructor is not called: a value, or overridden
	override bool
	former   []need      // of an overridden constructor
	marks    []ownedMark // of what is attached and shares the constructor
	pruned   bool
	deps     []edge
	late     []*node // soft: built before, if need be; see order
}

// result is one value that a node provides.
type result struct {
	node *node
	slot int
	out  output
	keys []key // none for a member of a value group
}

// binding says where a need is met: a result, a group's members, fx itself, or
// nothing when it is optional.
type binding struct {
	to      *result
	members []*result
	builtin bool
}

// edge is a dependency that must be built before.
type edge struct {
	to   *node
	need *need
}

func (r *resolver) problem(p Problem) { r.problems = append(r.problems, p) }

// inModule reports a problem of a module, or of a constructor in it when n is set.
func (r *resolver) inModule(kind ProblemKind, s *scope, n *node, text, hint string) {
	p := Problem{
		Kind:    kind,
		Module:  s.m,
		Place:   s.m.where.short(),
		File:    s.m.where.long(),
		Message: "module " + s.m.String() + ": ",
		Hint:    hint,
	}
	if n != nil {
		p.Constructor, p.Place, p.File = n.name, n.where.short(), n.where.long()
		p.Message += n.String() + " "
	}
	p.Message += text
	r.problem(p)
}

// String returns the node as messages show it: NewOrders (orders.go:30).
func (n *node) String() string { return n.name + " (" + n.where.short() + ")" }

// collect makes a scope for each reachable module and a node for each provider.
func (r *resolver) collect(root *Module) {
	if r.defaults != nil {
		r.declare(r.defaults)
	}
	r.enter(root)
	r.attach(root)
	r.names = nil // may have been taken too early
}

func (r *resolver) enter(m *Module) *scope {
	if s, ok := r.byModule[m]; ok {
		return s
	}
	s := &scope{m: m}
	r.byModule[m] = s // before the imports: they may lead back here
	seen := map[*scope]bool{}
	for _, ref := range m.imports {
		imported := r.enter(ref.module)
		if !seen[imported] {
			seen[imported] = true
			s.imports = append(s.imports, imported)
		}
		if ref.reexport {
			s.reexports = append(s.reexports, imported)
		}
	}
	r.declare(s)
	if m.global {
		r.globals = append(r.globals, s)
	}
	return s
}

func (r *resolver) declare(s *scope) {
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

// attach adds what is attached to providers, once all of those are known.
func (r *resolver) attach(root *Module) {
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
	if n.where.file == "" {
		n.where = s.m.where
	}
	plain, bad := r.signature(n)
	outs, annotation := annotate(p, plain)
	if bad == nil {
		bad = annotation
	}
	if n.kind == KindAttached && bad == nil {
		var same *node
		if same, bad = r.shared(n, outs); same != nil {
			for _, m := range p.marks {
				same.marks = append(same.marks, ownedMark{m, s.m})
			}
			return
		}
	}
	if bad == nil && p.source == fromFx && len(s.m.fxOptions) == 0 {
		bad = &mistake{"has no raw fx options to take it from", "add module.Fx(…) to the module"}
	}
	if bad != nil {
		// What it would provide stays visible, lest its consumers be reported too.
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
			n.fixed = true
			r.values[res.slot] = p.value
		}
		if n.kind != KindProvider {
			continue
		}
		if o.group != nil {
			s.groups = append(s.groups, res)
		}
		for _, k := range res.keys {
			r.offer(s, res, k)
		}
	}
}

// offer makes a result visible in its module, and to importers if exported.
func (r *resolver) offer(s *scope, res *result, k key) {
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
		fmt.Sprintf("provides %s, which %s provides already", r.keyName(k), a),
		"remove one, or tell them apart with module.Named")
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
		bad = &mistake{"cannot be given another type", "provide func(v " + p.typ.String() + ") " +
			p.as[0].String() + " { return v } next to it"}
	case len(p.as) > 0 && (len(outs) != 1 || object):
		bad = &mistake{"has several results, module.As takes one", "return one value"}
		as = nil
	case p.name != "" && object:
		bad = &mistake{"returns an fx.Out, module.Named cannot name it", "name its fields with `name:\"…\"` tags"}
	}
	for _, o := range outs {
		ko := keyedOutput{output: o}
		name := o.name
		if p.name != "" {
			name = p.name
		}
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
	text := fmt.Sprintf("provides %v as %v, which it is not", t, as)
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

// builtin is what fx provides by itself, in every module.
func builtin(k key) bool {
	return k.name == "" && (k.t == lifecycleType || k.t == shutdownerType || k.t == dotGraphType)
}

var (
	lifecycleType  = reflect.TypeFor[fx.Lifecycle]()
	shutdownerType = reflect.TypeFor[fx.Shutdowner]()
	dotGraphType   = reflect.TypeFor[fx.DotGraph]()
)
