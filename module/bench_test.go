package module_test

import (
	"fmt"
	"reflect"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

// benchTypes returns n distinct pointer types.
func benchTypes(n int) []reflect.Type {
	out := make([]reflect.Type, n)
	for i := range out {
		out[i] = reflect.PointerTo(reflect.ArrayOf(i+1, reflect.TypeFor[byte]()))
	}
	return out
}

// chainCtor returns a func(deps…) t.
func chainCtor(t reflect.Type, deps ...reflect.Type) any {
	ft := reflect.FuncOf(deps, []reflect.Type{t}, false)
	return reflect.MakeFunc(ft, func([]reflect.Value) []reflect.Value {
		return []reflect.Value{reflect.New(t.Elem())}
	}).Interface()
}

// grid returns n constructors with up to four dependencies each, and the root of the
// modules that contain them: per constructors in each module, of which the first is
// exported, and each module imports the previous one.
func grid(n, per int) (ctors []any, root *module.Module) {
	types := benchTypes(n)
	var prev *module.Module
	for from := 0; from < n; from += per {
		var own, exported []any
		for i := from; i < min(from+per, n); i++ {
			var deps []reflect.Type
			for _, d := range []int{i - 1, i - 2, i - 3} {
				if d >= from {
					deps = append(deps, types[d])
				}
			}
			if from > 0 {
				deps = append(deps, types[from-per])
			}
			c := chainCtor(types[i], deps...)
			ctors = append(ctors, c)
			if i == from {
				exported = append(exported, c)
			} else {
				own = append(own, c)
			}
		}
		opts := []module.Option{module.Exports(exported...), module.Providers(own...)}
		if prev != nil {
			opts = append(opts, module.Imports(prev))
		}
		prev = module.New(fmt.Sprintf("m%d", from/per), opts...)
	}
	return ctors, prev
}

func BenchmarkResolve1000(b *testing.B) {
	_, root := grid(1000, 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := module.Resolve(root); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStart1000(b *testing.B) {
	_, root := grid(1000, 20)
	b.ReportAllocs()
	for b.Loop() {
		g, err := module.Resolve(root)
		if err != nil {
			b.Fatal(err)
		}
		if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStart5000(b *testing.B) {
	_, root := grid(5000, 50)
	for b.Loop() {
		g, err := module.Resolve(root)
		if err != nil {
			b.Fatal(err)
		}
		if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFlatFx1000 is the lower bound: the same constructors in one fx.New, without
// modules.
func BenchmarkFlatFx1000(b *testing.B) {
	ctors, _ := grid(1000, 20)
	var invokes []any
	for from := 0; from < len(ctors); from += 50 {
		var in []reflect.Type
		for _, c := range ctors[from : from+50] {
			in = append(in, reflect.TypeOf(c).Out(0))
		}
		invokes = append(invokes, reflect.MakeFunc(reflect.FuncOf(in, nil, false),
			func([]reflect.Value) []reflect.Value { return nil }).Interface())
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := fx.New(fx.Provide(ctors...), fx.Invoke(invokes...), fx.NopLogger).Err(); err != nil {
			b.Fatal(err)
		}
	}
}
