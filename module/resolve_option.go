package module

import (
	"fmt"
	"reflect"
)

// ResolveOption is an argument of [Resolve].
type ResolveOption interface {
	fmt.Stringer
	applyResolve(*resolver)
}

// Provide adds providers that every module sees as defaults: what a module
// provides, imports, or gets from a [Global] module wins over them.
//
//	module.Resolve(root, module.Provide(module.Value(slog.Default())))
//
// The items are those of [Providers]. Together they are a module that Instances
// and messages call "defaults".
func Provide(items ...any) ResolveOption {
	at, _ := callerPlace()
	return provideOption{items, at}
}

// AttachToRoot adds constructors to the root module as if they were attached to
// one of its providers; see [Attach].
func AttachToRoot(items ...any) ResolveOption { return attachOption{items} }

type attachOption struct{ items []any }

func (o attachOption) String() string { return option{name: "AttachToRoot", args: o.items}.String() }

func (o attachOption) applyResolve(r *resolver) { r.toRoot = append(r.toRoot, o.items...) }

type provideOption struct {
	items []any
	where place
}

func (o provideOption) String() string {
	return option{name: "Provide", args: o.items}.String()
}

func (o provideOption) applyResolve(r *resolver) {
	if r.defaults == nil {
		r.defaults = &scope{m: &Module{name: "defaults", where: o.where}}
	}
	r.defaults.m.addItems("Provide", o.items, KindProvider, false)
}

// Override gives v wherever T is injected, for tests:
//
//	module.Resolve(root, module.Override[Mailer](&fakeMailer{}))
//
// It replaces every provider of T in every module, [FromFx] and named ones too;
// their constructors are not called, nor are private providers that only those
// constructors needed, unless they carry a mark or their module has raw fx options.
// Of a constructor with several results only the T is replaced. Marks stay. A T
// that nothing provides is a problem, so that a test notices when its fake falls
// out of use. Value groups are left alone.
func Override[T any](v T) ResolveOption {
	rv := reflect.New(reflect.TypeFor[T]()).Elem()
	rv.Set(reflect.ValueOf(&v).Elem())
	at, _ := callerPlace()
	return overrideOption{overriding{rv, at}}
}

type overriding struct {
	v     reflect.Value
	where place
}

type overrideOption struct{ o overriding }

func (o overrideOption) String() string {
	return "module.Override[" + o.o.v.Type().String() + "]"
}

func (o overrideOption) applyResolve(r *resolver) { r.overrides = append(r.overrides, o.o) }

// override puts the values of Override in place of constructors.
func (r *resolver) override() {
	for _, o := range r.overrides {
		t, used := o.v.Type(), false
		for _, n := range r.nodes {
			for _, res := range n.results {
				for _, k := range res.keys {
					if k.t == t {
						used = true
						r.overrideResult(n, res, o)
						break
					}
				}
			}
		}
		if !used {
			r.problem(Problem{
				Kind:    ProblemOverride,
				Place:   o.where.short(),
				File:    o.where.long(),
				Message: fmt.Sprintf("module.Override[%s] (%s): no module provides %[1]s", r.typeName(t), o.where.short()),
				Hint:    r.overrideHint(t),
			})
		}
	}
}

func (r *resolver) overrideResult(n *node, res *result, o overriding) {
	v := o.v
	if v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	for _, k := range res.keys {
		if k.t != o.v.Type() && !v.Type().AssignableTo(k.t) {
			r.inModule(ProblemOverride, n.scope, n,
				fmt.Sprintf("also provides %s, which the %v of module.Override[%s] (%s) is not",
					r.keyName(k), v.Type(), r.typeName(o.v.Type()), o.where.short()),
				"override with a value that fits both")
		}
	}
	r.values[res.slot] = o.v
	if len(n.results) == 1 && !n.fixed {
		n.fixed, n.override = true, true
		n.former, n.needs = n.needs, nil
	}
}

// overrideHint looks for a type that was meant: fakes are often passed as
// themselves instead of as the interface they stand for.
func (r *resolver) overrideHint(t reflect.Type) string {
	for _, n := range r.nodes {
		for _, res := range n.results {
			for _, k := range res.keys {
				if k.t.Kind() == reflect.Interface && k.t.NumMethod() > 0 && t.Implements(k.t) {
					return fmt.Sprintf("%s of module %s provides %s; use module.Override[%[3]s]",
						n, n.scope.m, r.typeName(k.t))
				}
			}
		}
	}
	return "remove it, or override the type that constructors inject"
}

// prune leaves out the private providers that only overridden constructors
// needed: a test that replaces the database must not dial it.
func (r *resolver) prune() {
	maybe := map[*node]bool{}
	var suspect func(s *scope, needs []need)
	suspect = func(s *scope, needs []need) {
		for i := range needs {
			var targets []*result
			if g := needs[i].group; g != nil {
				targets = r.members(s, *g)
			} else {
				targets = r.lookup(s, needs[i].key).results
			}
			for _, res := range targets {
				n := res.node
				if maybe[n] || n.exported || len(n.provider.marks)+len(n.marks) > 0 || len(n.scope.m.fxOptions) > 0 {
					continue // wanted for itself, or perhaps by raw fx options
				}
				maybe[n] = true
				suspect(n.scope, n.needs)
			}
		}
	}
	for _, n := range r.nodes {
		if n.override {
			suspect(n.scope, n.former)
		}
	}
	if len(maybe) == 0 {
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
		if !maybe[n] {
			keep(n)
		}
	}
	for _, n := range r.nodes {
		n.pruned = !kept[n]
	}
}
