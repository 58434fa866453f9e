package module

import (
	"fmt"
	"iter"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/identity"
)

// Kind is the kind of a constructor: provider, controller or attached.
type Kind uint8

// The kinds of constructors.
const (
	KindProvider Kind = iota
	KindController
	KindAttached // see Attach
)

// String returns "provider", "controller" or "attached".
func (k Kind) String() string {
	switch k {
	case KindController:
		return "controller"
	case KindAttached:
		return "attached"
	default:
		return "provider"
	}
}

// Declaration describes a result of a constructor, or a value, before construction.
type Declaration struct {
	Module   *Module
	Name     string // of the constructor, with its package: chat.NewGateway
	Place    string // of the constructor: chat/gateway.go:12
	File     string // like Place, with the full path
	Kind     Kind
	Exported bool
	Type     reflect.Type   // the result type of the constructor, before module.As
	Provides []reflect.Type // the types under which it can be injected; empty in a value group
	Marks    []any
}

// String returns the declaration in the form of messages: chat.NewGateway (chat/gateway.go:12).
func (d Declaration) String() string { return fmt.Sprintf("%s (%s)", d.Name, d.Place) }

// Problem returns a problem of the declaration, for [Check]. Its message is the module and the
// declaration, followed by text.
func (d Declaration) Problem(kind ProblemKind, text, hint string) Problem {
	return Problem{
		Kind: kind, Module: d.Module, Constructor: d.Name, Place: d.Place, File: d.File,
		Message: "module " + d.Module.String() + ": " + d.String() + " " + text, Hint: hint,
	}
}

// List returns the option of [New] that lists a provider: module.Providers.
func (d Declaration) List() string {
	switch {
	case d.Kind == KindController:
		return "module.Controllers"
	case d.Exported:
		return "module.Exports"
	default:
		return "module.Providers"
	}
}

// Instance is the value of one result.
type Instance struct {
	Module *Module
	Name   string // of the constructor, with its package: chat.NewGateway
	Place  string // of the constructor: chat/gateway.go:12
	Kind   Kind
	Value  any // the result of the constructor, before module.As
	Marks  []any

	handles []func(any)
}

// String returns the instance in the form of messages: chat.NewGateway (chat/gateway.go:12).
func (i Instance) String() string { return fmt.Sprintf("%s (%s)", i.Name, i.Place) }

// Declared yields the declarations of all instances, in the order of [Graph.Instances]. It
// does not need the application to be built.
func (g *Graph) Declared() iter.Seq[Declaration] {
	return func(yield func(Declaration) bool) {
		g.each(func(_ *node, res *result, _ []ownedMark) bool { return yield(g.declaration(res)) })
	}
}

func (g *Graph) declaration(res *result) Declaration {
	n := res.node
	d := Declaration{
		Module:   n.scope.m,
		Name:     n.full,
		Place:    n.where.String(),
		File:     n.where.File(),
		Kind:     n.kind,
		Exported: n.exported,
		Type:     res.out.t,
		Marks:    markValues(res.marks()),
	}
	if v, ok := g.values[res.slot]; ok && v.Kind() == reflect.Interface && !v.IsNil() {
		d.Type = v.Elem().Type()
	}
	for _, k := range res.keys {
		d.Provides = append(d.Provides, k.t)
	}
	return d
}

// Instances yields every instance of the application, dependencies first, otherwise in
// declared order. It yields nothing until fx has built all of them. A constructor with
// several results has one instance per result.
func (g *Graph) Instances() iter.Seq[Instance] {
	return func(yield func(Instance) bool) {
		g.built(func(inst Instance, _ []ownedMark) bool { return yield(inst) })
	}
}

// Constructed yields what constructors have returned so far, in the order of
// [Graph.Instances], also if a later constructor has failed. Values of [Value], overrides and
// raw fx options are left out. It is meant for frameworks, which close them.
func (g *Graph) Constructed() iter.Seq[Instance] {
	return func(yield func(Instance) bool) {
		r := g.current.Load()
		if r == nil {
			return
		}
		g.each(func(n *node, res *result, _ []ownedMark) bool {
			v, ready := r.slots[res.slot].get()
			if _, overridden := g.values[res.slot]; overridden || !ready || n.provider.source != fromConstructor {
				return true
			}
			return yield(Instance{Module: n.scope.m, Name: n.full, Place: n.where.String(), Kind: n.kind, Value: v.Interface()})
		})
	}
}

func (g *Graph) built(f func(Instance, []ownedMark) bool) {
	r := g.current.Load()
	if r == nil || !r.done.Load() {
		return
	}
	g.each(func(n *node, res *result, marks []ownedMark) bool {
		v, _ := r.slots[res.slot].get()
		return f(Instance{
			Module: n.scope.m,
			Name:   n.full,
			Place:  n.where.String(),
			Kind:   n.kind,
			Value:  v.Interface(),
			Marks:  markValues(marks),

			handles: r.handles[res.slot],
		}, marks)
	})
}

func (g *Graph) each(f func(*node, *result, []ownedMark) bool) {
	for _, n := range g.order {
		for _, res := range n.results {
			if !f(n, res, res.marks()) {
				return
			}
		}
	}
}

// marks returns the marks of a result: the first one has those of its constructor.
func (res *result) marks() (marks []ownedMark) {
	n := res.node
	if res != n.results[0] {
		return nil
	}
	for _, m := range n.provider.marks {
		marks = append(marks, ownedMark{m, n.scope.m})
	}
	return append(marks, n.marks...)
}

func markValues(marks []ownedMark) (out []any) {
	for _, m := range marks {
		out = append(out, m.mark)
	}
	return out
}

// Marked yields the instances with a mark of type M, once per mark, in the order of
// [Graph.Instances]. Instance.Module is the module that lists the mark: if [Attach] shares
// a constructor with an imported module, it is the importing one.
//
//	for inst, job := range module.Marked[jobMark](graph) {
//		schedule(job.every, inst.Value.(Runner))
//	}
func Marked[M any](g *Graph) iter.Seq2[Instance, M] {
	return func(yield func(Instance, M) bool) {
		g.built(func(inst Instance, marks []ownedMark) bool {
			for _, mark := range marks {
				inst.Module = mark.owner
				if m, ok := mark.mark.(M); ok && !yield(inst, m) {
					return false
				}
			}
			return true
		})
	}
}

// Find yields the instances whose value is assignable to T, in the order of
// [Graph.Instances]:
//
//	for inst, hook := range module.Find[Initializer](graph) {
//		if err := hook.OnModuleInit(ctx); err != nil {
//			return fmt.Errorf("%s: %w", inst, err)
//		}
//	}
//
// A pointer that several constructors return, for example one that returns the result of
// another as an interface, is yielded once. Nil pointers are skipped.
func Find[T any](g *Graph) iter.Seq2[Instance, T] {
	return func(yield func(Instance, T) bool) {
		var seen identity.Distinct[struct{}]
		for inst := range g.Instances() {
			t, ok := inst.Value.(T)
			if !ok {
				continue
			}
			if v := reflect.ValueOf(inst.Value); v.Kind() == reflect.Pointer && v.IsNil() {
				continue
			}
			if _, dup := seen.Add(inst.Value, struct{}{}); dup {
				continue
			}
			if !yield(inst, t) {
				return
			}
		}
	}
}
