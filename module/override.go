package module

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/place"
)

// Override injects v wherever T is injected, for tests:
//
//	module.Resolve(root, module.Override[Mailer](&fakeMailer{}))
//
// It replaces every provider of T in every module, including [FromFx] and named ones. Their
// constructors are not called, nor are private providers that only those constructors
// needed, unless these have a mark or their module has raw fx options. If a constructor has
// several results, only the T is replaced. Marks are kept. Value groups are not changed. It
// is an error if nothing provides T, so that a test notices when its fake is not used.
func Override[T any](v T) ResolveOption {
	at, _ := callerPosition()
	o := override{t: reflect.TypeFor[T](), v: reflect.ValueOf(&v).Elem(), where: at}
	return resolveOption{"module.Override[" + o.t.String() + "]", func(r *resolver) { r.overrides = append(r.overrides, o) }}
}

// OverrideWith is [Override] with a constructor: it replaces the providers of the type that the
// constructor returns.
//
//	module.Resolve(root, module.OverrideWith(NewFakeMailer))              // func NewFakeMailer(*slog.Logger) Mailer
//	module.Resolve(root, module.OverrideWith(module.As[Mailer](NewFakeMailer))) // func NewFakeMailer() *FakeMailer
//
// The constructor is called once for each provider that it replaces, injects what the module of
// that provider sees, and returns one value and perhaps an error. It is an error if nothing provides
// its type, or if raw fx options do.
func OverrideWith(constructor any) ResolveOption {
	at, _ := callerPosition()
	p := overriding(constructor)
	return resolveOption{listed("OverrideWith", []any{constructor}), func(r *resolver) {
		r.overrides = append(r.overrides, override{by: &p, where: at})
	}}
}

// overriding converts the argument of OverrideWith.
func overriding(constructor any) Provider {
	p := providerOf(constructor)
	switch {
	case p.mistake != nil && reflect.TypeOf(constructor) != nil && reflect.TypeOf(constructor).Kind() != reflect.Func:
		return invalidProvider(p.mistake.text, "pass a function that returns the value, or pass the value to module.Override")
	case p.mistake != nil:
		return p
	case p.source != fromConstructor:
		return invalidProvider("is "+p.String(), "pass a constructor, or pass the value to module.Override")
	case p.name != "" || len(p.marks) > 0 || len(p.attached) > 0:
		return invalidProvider("has a name, a mark or attached constructors, which stay those of the provider that is replaced",
			"pass the constructor, alone or in module.As")
	}
	return p
}

// override is one Override or OverrideWith.
type override struct {
	t     reflect.Type
	v     reflect.Value // of Override
	by    *Provider     // of OverrideWith
	out   output        // of by
	needs []need        // of by
	where place.Position
}

// overrideName returns the option in the form of messages.
func (r *resolver) overrideName(o override) string {
	name := "module.Override[" + r.typeName(o.t) + "]"
	if o.by != nil {
		name = "module.OverrideWith(" + o.by.String() + ")"
	}
	return name + " (" + o.where.String() + ")"
}

// checkOverride sets what an OverrideWith returns and needs. It reports problems of its constructor.
func (r *resolver) checkOverride(o *override) bool {
	if o.by == nil {
		return true
	}
	bad := o.by.mistake
	if bad == nil {
		sig := r.sigs.of(o.by.ctor.Type())
		if bad = sig.err; bad == nil && (len(sig.results) != 1 || len(sig.results[0].path) != 1) {
			bad = &mistake{"has several results", "return the one value that replaces the provider"}
		}
		if bad == nil {
			o.out, o.needs, o.t = sig.results[0], sig.needs, sig.results[0].t
			if as := o.by.as; len(as) > 0 {
				o.t = as[0]
				if !o.out.t.AssignableTo(o.t) {
					bad = &mistake{notAssignable(o.out.t, o.t), "correct the type in module.As"}
				}
			}
		}
	}
	if bad == nil {
		return true
	}
	what := "the argument"
	if o.by.mistake == nil {
		what = o.by.String()
	}
	r.problem(Problem{
		Kind: ProblemOverride, Place: o.where.String(), File: o.where.File(),
		Message: fmt.Sprintf("module.OverrideWith (%s): %s %s", o.where.String(), what, bad.text), Hint: bad.hint,
	})
	return false
}

// applyOverrides replaces results by the values and constructors of overrides.
func (r *resolver) applyOverrides() {
	r.applyAttached()
	for _, o := range r.overrides {
		if !r.checkOverride(&o) {
			continue
		}
		used := false
		for _, n := range r.nodes {
			for _, res := range n.results {
				if slices.ContainsFunc(res.keys, func(k key) bool { return k.t == o.t }) {
					used = true
					r.overrideResult(n, res, o)
				}
			}
		}
		if !used {
			r.problem(Problem{
				Kind:    ProblemOverride,
				Place:   o.where.String(),
				File:    o.where.File(),
				Message: fmt.Sprintf("%s: no module provides %s", r.overrideName(o), r.typeName(o.t)),
				Hint:    r.overrideHint(o),
			})
		}
	}
}

func (r *resolver) overrideResult(n *node, res *result, o override) {
	t := o.out.t
	if o.by == nil {
		v := o.v
		if v.Kind() == reflect.Interface && !v.IsNil() {
			v = v.Elem()
		}
		t = v.Type()
	}
	for _, k := range res.keys {
		if k.t != o.t && !t.AssignableTo(k.t) {
			r.inModule(ProblemOverride, n.scope, n,
				fmt.Sprintf("also provides %s, which %v of %s does not implement", r.keyName(k), t, r.overrideName(o)),
				"override with a value that implements both")
		}
	}
	if o.by != nil {
		r.overrideConstructor(n, res, o)
		return
	}
	r.values[res.slot] = o.v
	if len(n.results) == 1 && n.origin == originConstructor {
		n.origin = originOverride
		n.override(nil)
	}
}

// override replaces the needs of a node.
func (n *node) override(needs []need) {
	if n.original == nil {
		original := *n
		n.original = &original
	}
	n.needs = needs
}

func (r *resolver) overrideConstructor(n *node, res *result, o override) {
	if n.provider.source == fromFx {
		r.inModule(ProblemOverride, n.scope, n, "is of raw fx options, in which "+r.overrideName(o)+" has no effect",
			"pass a value to module.Override")
		return
	}
	if len(n.results) > 1 {
		n = r.split(n, res)
	}
	delete(r.values, res.slot)
	n.override(o.needs)
	n.origin = originConstructor
	n.provider.source, n.provider.ctor = fromConstructor, o.by.ctor
	n.full, n.name, n.where = o.by.names()
	if n.where == (place.Position{}) {
		n.where = o.where
	}
	res.out = o.out
}

// split moves one of several results of a constructor to a node of its own.
func (r *resolver) split(n *node, res *result) *node {
	own := &node{id: len(r.nodes), scope: n.scope, kind: n.kind, exported: n.exported, results: []*result{res}, original: &node{}}
	if n.results[0] == res {
		own.provider.marks, n.provider.marks = n.provider.marks, nil
		own.marks, n.marks = n.marks, nil
	}
	n.results = slices.DeleteFunc(slices.Clone(n.results), func(x *result) bool { return x == res })
	res.node = own
	r.nodes, n.scope.nodes = append(r.nodes, own), append(n.scope.nodes, own)
	return own
}

// overrideHint finds the type that was probably intended: fakes are often passed with their
// own type instead of the interface that they implement. Otherwise it lists what is bound by
// constructors, such as guards.
func (r *resolver) overrideHint(o override) string {
	use := func(t reflect.Type) string {
		if o.by != nil {
			return fmt.Sprintf("module.OverrideWith(module.As[%s](%s))", r.typeName(t), o.by)
		}
		return fmt.Sprintf("module.Override[%s]", r.typeName(t))
	}
	var bound []string
	for _, n := range r.nodes {
		for _, res := range n.results {
			if n.kind == KindAttached {
				bound = append(bound, fmt.Sprintf("%s of %s", r.typeName(res.out.t), n))
			}
			for _, k := range res.keys {
				if k.t.Kind() == reflect.Interface && k.t.NumMethod() > 0 && o.t.Implements(k.t) {
					return fmt.Sprintf("%s of module %s provides %s; use %s", n, n.scope.m, r.typeName(k.t), use(k.t))
				}
			}
		}
	}
	hint := "remove it, or override the type that constructors inject"
	if len(bound) > 0 {
		slices.Sort(bound)
		hint += ", or one that is bound by a constructor: " + strings.Join(slices.Compact(bound), ", ")
	}
	return hint
}

// prune drops the private providers that only overridden constructors need: a test that
// replaces the database must not dial it.
func (r *resolver) prune() {
	unneeded := map[*node]bool{} // unless a node that is built needs it
	var collect func(s *scope, needs []need)
	collect = func(s *scope, needs []need) {
		for i := range needs {
			var targets []*result
			if g := needs[i].group; g != nil {
				targets = r.members(s, *g)
			} else {
				targets = r.lookup(s, needs[i].key).results
			}
			for _, res := range targets {
				n := res.node
				if unneeded[n] || n.exported || n.injected || len(n.provider.marks)+len(n.marks) > 0 || len(n.scope.m.fxOptions) > 0 {
					continue // built anyway, or possibly needed by raw fx options
				}
				unneeded[n] = true
				collect(n.scope, n.needs)
			}
		}
	}
	for _, n := range r.nodes {
		if n.original != nil {
			collect(n.scope, n.original.needs)
		}
	}
	if len(unneeded) == 0 {
		return
	}
	kept := map[*node]bool{}
	var keep func(*node)
	keep = func(n *node) {
		if kept[n] {
			return
		}
		kept[n] = true
		for _, b := range n.bound {
			if b.to != nil {
				keep(b.to.node)
			}
			for _, m := range b.members {
				keep(m.node)
			}
		}
	}
	for _, n := range r.nodes {
		if !unneeded[n] {
			keep(n)
		}
	}
	for _, n := range r.nodes {
		n.pruned = !kept[n]
	}
}
