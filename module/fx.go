package module

import (
	"fmt"
	"reflect"

	"go.uber.org/fx"
)

// Fx returns the option for fx.New: an fx.Module for each module, in dependency order. Each
// runs the module's constructors one after the other. Their dependencies are private,
// parameterless providers in the fx.Module that return the instances.
//
//	app := fx.New(graph.Fx(), fx.NopLogger)
//
// If a constructor fails, fx.New fails with a *[BuildError]. Pass this option before other
// invokes that use [Graph.Instances]. Each call starts a new set of instances; the graph
// reports the latest.
func (g *Graph) Fx() fx.Option {
	r := &run{slots: make([]slot, g.slots), handles: map[int][]func(any){}}
	for i, v := range g.values {
		r.slots[i].set(v)
	}
	g.current.Store(r)
	opts := make([]fx.Option, 0, len(g.segments)+1)
	for _, s := range g.segments {
		opts = append(opts, g.fxModule(r, s))
	}
	// In a module, because fx runs the invokes of modules first.
	opts = append(opts, fx.Module("gatehouse", fx.Invoke(func() { r.done.Store(true) })))
	return fx.Options(opts...)
}

// fxBuilder collects the fx options of one segment.
type fxBuilder struct {
	g     *Graph
	r     *run
	scope *scope
	raw   bool // the raw fx options are in this segment
	seen  map[bridgeKey]bool

	own     []any // providers of the module's own results
	foreign []any // providers of results of other modules
	invokes []any
	extra   []fx.Option
}

type bridgeKey struct {
	t    reflect.Type
	name string
	slot int // of a group member
}

func (g *Graph) fxModule(r *run, s segment) fx.Option {
	e := &fxBuilder{g: g, r: r, scope: s.scope, raw: s.raw, seen: map[bridgeKey]bool{},
		own: []any{fx.Private}, foreign: []any{fx.Private}}
	for _, n := range s.nodes {
		e.node(n)
	}
	if !s.raw {
		return fx.Module(s.scope.m.name, fx.Provide(append(e.own, e.foreign[1:]...)...), fx.Invoke(e.invokes...))
	}
	v := g.views[s.scope]
	for _, k := range v.keys {
		e.bridge(k.key, k.from)
	}
	for _, m := range v.groups {
		e.member(m)
	}
	// Foreign results are provided one level up, so that raw options can shadow them.
	inner := append([]fx.Option{fx.Provide(e.own...), fx.Invoke(e.invokes...)}, e.extra...)
	inner = append(inner, s.scope.m.fxOptions...)
	return fx.Module(s.scope.m.name, fx.Provide(e.foreign...), fx.Module(s.scope.m.name, inner...))
}

// node adds the invoke that builds n, and the bridges of its dependencies.
func (e *fxBuilder) node(n *node) {
	if n.provider.source == fromFx {
		e.fromFx(n)
		return
	}
	if n.origin != originConstructor {
		return
	}
	for i, b := range n.bound {
		nd := &n.needs[i]
		switch {
		case b.provided:
			e.bridge(key{nd.lazy, nd.key.name}, b.to)
		case nd.handle != nil:
			e.handle(nd, b.to)
		case nd.lazy != nil:
			e.lazy(nd, b.to)
		case b.to != nil:
			e.bridge(nd.key, b.to)
		case b.members != nil:
			for _, m := range b.members {
				e.member(m)
			}
		case nd.group == nil && !b.builtin && len(e.scope.m.fxOptions) == 0:
			// Optional and not visible: hide a value that raw options of other modules
			// may provide to the whole fx application.
			e.constant(nd.key.name, reflect.Zero(nd.key.t))
		}
	}
	ct := n.provider.ctor.Type()
	in := make([]reflect.Type, 0, ct.NumIn())
	for i := range ct.NumIn() {
		if !ct.IsVariadic() || i < ct.NumIn()-1 {
			in = append(in, ct.In(i))
		}
	}
	e.invokes = append(e.invokes, invoke(in, func(args []reflect.Value) error {
		return n.call(e.r, e.g, args)
	}))
}

var errorResult = []reflect.Type{errorType}

func invoke(in []reflect.Type, f func([]reflect.Value) error) any {
	return reflect.MakeFunc(reflect.FuncOf(in, errorResult, false), func(args []reflect.Value) []reflect.Value {
		return []reflect.Value{errorValue(f(args))}
	}).Interface()
}

func errorValue(err error) reflect.Value {
	if err == nil {
		return reflect.Zero(errorType)
	}
	return reflect.ValueOf(&err).Elem()
}

// bridge provides a result of this or another module under k.
func (e *fxBuilder) bridge(k key, res *result) {
	if res.node.provider.source == fromFx && res.node.scope == e.scope && e.raw {
		return // provided by the raw options in this segment
	}
	if e.once(bridgeKey{t: k.t, name: k.name}) {
		e.add(res.node.scope, named(k.name, e.resultProvider(k.t, res)))
	}
}

// member provides a result to its value group.
func (e *fxBuilder) member(res *result) {
	if e.once(bridgeKey{slot: res.slot + 1}) {
		e.add(res.node.scope, fx.Annotated{Group: res.out.groupTag, Target: e.resultProvider(res.out.t, res)})
	}
}

// resultProvider returns a function that returns the value of a result as t.
func (e *fxBuilder) resultProvider(t reflect.Type, res *result) any {
	slot := &e.r.slots[res.slot]
	return reflect.MakeFunc(reflect.FuncOf(nil, []reflect.Type{t, errorType}, false), func([]reflect.Value) []reflect.Value {
		v, ok := slot.get()
		if !ok {
			return []reflect.Value{reflect.Zero(t), errorValue(fmt.Errorf(
				"module %s: raw fx options need %v before %s of module %s has built it: "+
					"move them to a separate module, or inject their results in no constructor of this one",
				e.scope.m, t, res.node, res.node.scope.m.name))}
		}
		if v.Kind() == reflect.Interface && v.Type() != t && !v.IsNil() {
			v = v.Elem()
		}
		return []reflect.Value{v.Convert(t), reflect.Zero(errorType)}
	}).Interface()
}

func (e *fxBuilder) lazy(nd *need, to *result) {
	v := reflect.Zero(nd.lazy)
	if to != nil {
		n := to.node
		v = v.Interface().(lazyParam).bind(&handle{&e.r.slots[to.slot], &LazyError{
			Type: nd.key.t, Constructor: n.name, Place: n.where.String(), Module: n.scope.m,
		}})
	}
	e.constant(nd.key.name, v)
}

// constant provides a value, once for its type and name.
func (e *fxBuilder) constant(name string, v reflect.Value) {
	if e.once(bridgeKey{t: v.Type(), name: name}) {
		e.foreign = append(e.foreign, named(name, constant(v)))
	}
}

func constant(v reflect.Value) any {
	return reflect.MakeFunc(reflect.FuncOf(nil, []reflect.Type{v.Type()}, false), func([]reflect.Value) []reflect.Value {
		return []reflect.Value{v}
	}).Interface()
}

func named(name string, target any) any {
	if name == "" {
		return target
	}
	return fx.Annotated{Name: name, Target: target}
}

func (e *fxBuilder) once(k bridgeKey) bool {
	if e.seen[k] {
		return false
	}
	e.seen[k] = true
	return true
}

func (e *fxBuilder) add(from *scope, target any) {
	if from == e.scope {
		e.own = append(e.own, target)
	} else {
		e.foreign = append(e.foreign, target)
	}
}

// fromFx reads a result of raw options from fx.
func (e *fxBuilder) fromFx(n *node) {
	res := n.results[0]
	k := res.keys[0]
	if v, ok := e.g.values[res.slot]; ok {
		// Overridden: in this module fx does not call the raw constructor.
		replace := constant(v)
		if k.name != "" {
			replace = fx.Annotate(replace, fx.ResultTags(fmt.Sprintf("name:%q", k.name)))
		}
		e.extra = append(e.extra, fx.Decorate(replace))
		return
	}
	// Optional, so that the error below can name the module.
	tag := `optional:"true"`
	if k.name != "" {
		tag += fmt.Sprintf(" name:%q", k.name)
	}
	object := reflect.StructOf([]reflect.StructField{
		{Name: "In", Type: inType, Anonymous: true},
		{Name: "V", Type: k.t, Tag: reflect.StructTag(tag)},
	})
	e.invokes = append(e.invokes, invoke([]reflect.Type{object}, func(args []reflect.Value) error {
		v := args[0].Field(1)
		if nilable(k.t) && v.IsNil() {
			return n.buildError(fmt.Errorf("the raw fx options of the module do not provide %v or its dependencies", k.t))
		}
		e.r.slots[res.slot].set(v)
		return nil
	}))
}

func nilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Func, reflect.Slice, reflect.Chan:
		return true
	}
	return false
}
