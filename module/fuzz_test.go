package module_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

// The tests in this file generate random graphs and compare the resolver with a model that
// works on plain sets: both must find the same problems and, once built, the same
// bindings.

// thing is the result of all generated constructors; id is that of the constructor.
type thing struct {
	id  int
	got []any // injected values, in the order of the needs
}

func (t *thing) self() *thing { return t }

type selfer interface{ self() *thing }

type (
	t0 struct{ thing }
	t1 struct{ thing }
	t2 struct{ thing }
	t3 struct{ thing }
	t4 struct{ thing }
)

var (
	thingTypes = []reflect.Type{
		reflect.TypeFor[*t0](), reflect.TypeFor[*t1](), reflect.TypeFor[*t2](),
		reflect.TypeFor[*t3](), reflect.TypeFor[*t4](), reflect.TypeFor[selfer](),
	}
	lazyTypes = []reflect.Type{
		reflect.TypeFor[module.Lazy[*t0]](), reflect.TypeFor[module.Lazy[*t1]](), reflect.TypeFor[module.Lazy[*t2]](),
		reflect.TypeFor[module.Lazy[*t3]](), reflect.TypeFor[module.Lazy[*t4]](), reflect.TypeFor[module.Lazy[selfer]](),
	}
)

const ifaceType = 5 // index of selfer

type built struct {
	calls map[int]int
	root  *module.Module
	opts  []module.ResolveOption
}

func (g *mGraph) build() *built {
	b := &built{calls: map[int]int{}}
	mods := make([]*module.Module, len(g.mods))
	for i, m := range g.mods {
		var opts []module.Option
		for _, j := range m.imports {
			opts = append(opts, module.Imports(mods[j]))
		}
		for _, j := range m.reexports {
			opts = append(opts, module.Exports(mods[j]))
		}
		var defaults []any
		for _, n := range m.nodes {
			var p any
			if n.raw {
				from, option := b.raw(n)
				p = from
				opts = append(opts, option)
			} else {
				p = b.provider(n)
			}
			defaults = append(defaults, p)
			switch {
			case n.controller:
				opts = append(opts, module.Controllers(p))
			case n.exported:
				opts = append(opts, module.Exports(p))
			default:
				opts = append(opts, module.Providers(p))
			}
		}
		if m.global {
			opts = append(opts, module.Global())
		}
		if i == 0 {
			b.opts = append(b.opts, module.Provide(defaults...))
			continue
		}
		mods[i] = module.New(fmt.Sprintf("m%d", i), opts...)
	}
	b.root = mods[len(mods)-1]
	if g.override >= 0 {
		fake := &t0{thing{id: -2}}
		b.opts = append(b.opts, []module.ResolveOption{
			module.Override(fake), module.Override(&t1{fake.thing}), module.Override(&t2{fake.thing}),
			module.Override(&t3{fake.thing}), module.Override(&t4{fake.thing}), module.Override[selfer](fake),
		}[g.override])
	}
	return b
}

// raw returns a FromFx and the raw option that provides its thing.
func (b *built) raw(n *mNode) (module.Provider, module.Option) {
	ctor := reflect.MakeFunc(reflect.FuncOf(nil, []reflect.Type{thingTypes[n.typ]}, false), func([]reflect.Value) []reflect.Value {
		b.calls[n.id]++
		v := reflect.New(thingTypes[n.typ].Elem())
		v.Interface().(selfer).self().id = n.id
		return []reflect.Value{v}
	})
	return [...]func() module.Provider{
		module.FromFx[*t0], module.FromFx[*t1], module.FromFx[*t2], module.FromFx[*t3], module.FromFx[*t4],
	}[n.typ](), module.Fx(fx.Provide(fx.Private, ctor.Interface()))
}

func (b *built) provider(n *mNode) any {
	fields := []reflect.StructField{{Name: "In", Type: reflect.TypeFor[fx.In](), Anonymous: true}}
	for i, nd := range n.needs {
		f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: thingTypes[nd.typ]}
		switch {
		case nd.group:
			f.Type, f.Tag = reflect.SliceOf(f.Type), `group:"g"`
		case nd.lazy:
			f.Type = lazyTypes[nd.typ]
		}
		if nd.name != "" {
			f.Tag = `name:"x"`
		}
		if nd.optional {
			f.Tag += ` optional:"true"`
		}
		fields = append(fields, f)
	}
	outs := []reflect.Type{thingTypes[n.typ]}
	if n.also >= 0 {
		outs = append(outs, thingTypes[n.also])
	}
	if n.group {
		field := reflect.StructField{Name: "F", Type: outs[0], Tag: `group:"g"`}
		if n.flatten {
			field.Type, field.Tag = reflect.SliceOf(field.Type), `group:"g,flatten"`
		}
		outs[0] = reflect.StructOf([]reflect.StructField{{Name: "Out", Type: reflect.TypeFor[fx.Out](), Anonymous: true}, field})
	}
	ft := reflect.FuncOf([]reflect.Type{reflect.StructOf(fields)}, outs, false)
	ctor := reflect.MakeFunc(ft, func(args []reflect.Value) []reflect.Value {
		b.calls[n.id]++
		newThing := func(typ int) reflect.Value {
			v := reflect.New(thingTypes[typ].Elem())
			t := v.Interface().(selfer).self()
			t.id = n.id
			for i := range n.needs {
				t.got = append(t.got, args[0].Field(i+1).Interface())
			}
			return v
		}
		results := []reflect.Value{newThing(n.typ)}
		if n.also >= 0 {
			results = append(results, newThing(n.also))
		}
		if n.group {
			o := reflect.New(outs[0]).Elem()
			if n.flatten {
				o.Field(1).Set(reflect.Append(o.Field(1), results[0], newThing(n.typ)))
			} else {
				o.Field(1).Set(results[0])
			}
			results[0] = o
		}
		return results
	}).Interface()
	if n.as {
		ctor = module.As[selfer](ctor)
	}
	if n.name != "" {
		ctor = module.Named(n.name, ctor)
	}
	return ctor
}

// ids returns the ids of the constructors of an injected value, sorted.
func ids(got any) (out []int) {
	switch got := got.(type) {
	case nil:
	case selfer:
		if !reflect.ValueOf(got).IsNil() {
			out = append(out, got.self().id)
		}
	default:
		v := reflect.ValueOf(got)
		if v.Kind() == reflect.Slice {
			for i := range v.Len() {
				out = append(out, v.Index(i).Interface().(selfer).self().id)
			}
			break
		}
		r := v.MethodByName("Lookup").Call(nil) // a Lazy
		if r[1].IsNil() {
			out = ids(r[0].Interface())
		}
	}
	slices.Sort(out)
	return out
}

// check compares resolver and model for one graph. It returns "built" or "problems".
func check(t *testing.T, g *mGraph) string {
	t.Helper()
	m, b := g.model(), g.build()
	graph, err := module.Resolve(b.root, b.opts...)
	got := map[module.ProblemKind]int{}
	if err != nil {
		var wiring *module.Error
		if !errors.As(err, &wiring) {
			t.Fatalf("Resolve returned a %T", err)
		}
		for _, p := range wiring.Problems {
			got[p.Kind]++
		}
	}
	if !reflect.DeepEqual(got, m.problems) {
		t.Fatalf("problems: got %v, model %v\n%v", got, m.problems, err)
	}
	if err != nil {
		return "problems"
	}
	if err := fx.New(graph.Fx(), fx.NopLogger).Err(); err != nil {
		t.Fatalf("fx: %v\n%s", err, graph.Mermaid())
	}
	for _, n := range g.nodes {
		want := 0
		if m.called[n] {
			want = 1
		}
		if b.calls[n.id] != want {
			t.Fatalf("constructor %d called %d times, model %d\n%s", n.id, b.calls[n.id], want, graph.Mermaid())
		}
	}
	instances, position := 0, map[int]int{}
	for inst := range graph.Instances() {
		instances++
		if v := reflect.ValueOf(inst.Value); v.Kind() == reflect.Slice { // a flattened slice is one instance
			inst.Value = v.Index(0).Interface()
		}
		th := inst.Value.(selfer).self()
		if th.id < 0 {
			continue
		}
		position[th.id] = instances
		n := g.nodes[th.id]
		if want := fmt.Sprintf("m%d", n.mod); n.mod > 0 && inst.Module.Name() != want {
			t.Fatalf("constructor %d is in module %s, model %s", n.id, inst.Module.Name(), want)
		}
		for i, nd := range n.needs {
			var want []int
			for _, target := range m.bound[n][i] {
				id := target.id
				if !m.called[target] || !nd.group && nd.typ == g.override {
					id = -2
				}
				want = append(want, id)
				if target.flatten {
					want = append(want, id)
				}
				if !nd.lazy && id >= 0 && position[id] == 0 {
					t.Fatalf("constructor %d runs before %d, which it needs", n.id, id)
				}
			}
			slices.Sort(want)
			if got := ids(th.got[i]); !slices.Equal(got, want) {
				t.Fatalf("constructor %d got %v for need %d, model %v\n%s", n.id, got, i, want, graph.Mermaid())
			}
		}
	}
	results := 0
	for n := range m.built {
		results++
		if n.also >= 0 {
			results++
		}
	}
	if instances != results {
		t.Fatalf("%d instances, model %d", instances, results)
	}
	return "built"
}

func TestRandomGraphs(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, 20+rnd.IntN(180))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		g := generate(&choices{data})
		if seed%2 == 0 {
			g.removeProblems()
		}
		outcomes[check(t, g)]++
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if outcomes["built"] < 800 || outcomes["problems"] < 800 {
		t.Errorf("want at least 800 graphs of each outcome: %v", outcomes)
	}
}

// removeProblems removes the parts of a graph that have problems, so that enough graphs
// are built.
func (g *mGraph) removeProblems() {
	for range 20 {
		m := g.model()
		if len(m.problems) == 0 {
			return
		}
		if m.problems[module.ProblemOverride] > 0 {
			g.override = -1
		}
		for _, n := range m.live() {
			n.needs = slices.DeleteFunc(n.needs, func(nd mNeed) bool {
				_, bad := m.see(n.mod, nd)
				return bad != "" || m.problems[module.ProblemCycle] > 0 && nd.typ < max(n.typ, n.also)
			})
			second := slices.ContainsFunc(n.keys(), func(k mKey) bool { return m.own(n.mod, k) != n })
			if !n.controller && !n.group && second {
				n.plain()
				n.controller = n.mod > 0
				n.group = n.mod == 0
				n.exported = false
			}
		}
	}
}

func FuzzResolve(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		data := make([]byte, 30+rnd.IntN(120))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f.Add(data)
	}
	// A FromFx and a node that needs it, in two segments of one module.
	f.Add([]byte("881000002A00000000008000000001000AA790000X00000000001A01000000000020"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generate(&choices{data})
		check(t, g)
		g.removeProblems()
		check(t, g)
	})
}
