package identity_test

import (
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/identity"
)

type (
	thing struct{ n int } //nolint:recvcheck // both kinds of methods are compared
	other struct{}
	box   [3]int
)

func (x thing) value() int    { return x.n }
func (x *thing) pointer() int { return x.n }
func (x thing) func1() int    { return x.n }

type valuer interface{ value() int }

func declared() int { return 1 }
func func1() int    { return 1 }

func instance[T any]() string { return reflect.TypeFor[T]().String() }
func within[T any]() any      { return instance[T] }

type generic[T any] struct{}

func (g generic[T]) value() int { return 1 }

var literal = func() int { return 1 }

func captures(n int) func() int { return func() int { return n } }

//go:noinline
func capturesCall(n int) func() int { return func() int { return n } }

var stored = captures(1)

func byReflection() any {
	return reflect.MakeFunc(reflect.TypeFor[func() int](), func([]reflect.Value) []reflect.Value {
		return []reflect.Value{reflect.ValueOf(1)}
	}).Interface()
}

// twice evaluates the expression twice, at one line.
func twice(f func() any) [2]any {
	var out [2]any
	for i := range out {
		out[i] = f()
	}
	return out
}

// TestField_X43_Functions: What distinguishes two functions of a Go program, and what does not, with every build flag.
func TestField_X43_Functions(t *testing.T) {
	x := thing{1}
	var i valuer = x
	local := captures(1)
	made := byReflection()
	for _, tt := range []struct {
		name           string
		f, g           any
		same, declared bool
	}{
		{"declared", declared, declared, true, true},
		{"named like a literal", func1, func1, true, true},
		{"two types of one function", declared, counter(declared), true, true},
		{"declared functions of one type", declared, func1, false, true},
		{"method expression", thing.value, thing.value, true, true},
		{"method expressions", thing.value, thing.func1, false, true},
		{"generic", instance[thing], instance[thing], true, true},
		{"generic, of a pointer", instance[*thing], instance[*thing], true, true},
		{"generic, elsewhere", instance[*thing], elsewhere(), true, true},
		{"generic, in another package", identity.MaxInt, slices.Max[[]int], true, true},
		{"generic, of two types", instance[thing], instance[other], false, true},
		{"generic, of one shape", instance[*thing], instance[*other], false, true},
		{"generic, of one underlying type", instance[box], instance[[3]int], false, true},
		{"generic methods of one shape", generic[*thing].value, generic[*other].value, false, true},
		{"package variable with a literal", literal, literal, true, false},
		{"package variable with a closure", stored, stored, true, false},
		{"local variable", local, local, true, false},
		{"made by reflection, one variable", made, made, true, false},
		{"made by reflection", byReflection(), byReflection(), false, false},
		{"method value", x.value, x.value, false, false},
		{"method value of a pointer", x.pointer, x.pointer, false, false},
		{"method value of an interface", i.value, i.value, false, false},
		{"closures", captures(1), captures(2), false, false},
		{"closures, not inlined", capturesCall(1), capturesCall(1), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := identity.OfFunc(tt.f) == identity.OfFunc(tt.g); got != tt.same {
				t.Errorf("same: %v", got)
			}
			if got := identity.Declared(tt.f); got != tt.declared {
				t.Errorf("declared: %v", got)
			}
		})
	}
	for name, f := range map[string]func() any{
		"generic function within another": func() any { return within[*thing]() },
		"closure":                         func() any { n := len(name(t)); return func() int { return n } },
		"method value":                    func() any { return x.value },
		"by reflection":                   byReflection,
	} {
		t.Run("twice/"+name, func(t *testing.T) {
			fs := twice(f)
			if identity.OfFunc(fs[0]) == identity.OfFunc(fs[1]) {
				t.Error("two evaluations have the same identity")
			}
			if identity.OfSource(fs[0]) != identity.OfSource(fs[1]) {
				t.Error("two evaluations have different sources")
			}
		})
	}
}

type counter func() int

func name(t *testing.T) string { return t.Name() }

// elsewhere creates the instance in another function.
func elsewhere() any { return instance[*thing] }

func TestSource(t *testing.T) {
	x := thing{1}
	for _, tt := range []struct {
		name string
		f, g any
		same bool
	}{
		{"inlined closures", captures(1), captures(2), true},
		{"closures", capturesCall(1), capturesCall(2), true},
		{"method values", x.value, thing{2}.value, true},
		{"methods", x.value, x.func1, false},
		{"methods of generic types", generic[int]{}.value, generic[string]{}.value, false},
		{"two literals", func() int { return x.n },
			func() int { return x.n + 1 }, false},
		{"types", captures(1), counter(captures(1)), false},
		{"declared", declared, func1, false},
		{"instances", instance[thing], instance[other], false},
	} {
		if got := identity.OfSource(tt.f) == identity.OfSource(tt.g); got != tt.same {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// A Func keeps its function reachable, so that its address is not reused.
func TestFuncStaysReachable(t *testing.T) {
	seen := map[identity.Func]int{}
	for n := range 2000 {
		f := identity.OfFunc(capturesCall(n))
		if before, dup := seen[f]; dup {
			t.Fatalf("closure %d has the identity of closure %d", n, before)
		}
		seen[f] = n
		if n%200 == 0 {
			runtime.GC()
		}
	}
}

func TestOfFuncNil(t *testing.T) {
	var f func()
	if identity.OfFunc(f) != (identity.Func{}) {
		t.Error("identity of nil is not the zero Func")
	}
	defer func() {
		if got, want := fmt.Sprint(recover()), "identity: int is not a function"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}()
	identity.OfFunc(1)
}

func TestSameCode(t *testing.T) {
	x := thing{1}
	if !identity.SameCode(x.value, thing{2}.value) || identity.SameCode(x.value, x.func1) {
		t.Error("want the same code for the same method only")
	}
}

func TestOfPointer(t *testing.T) {
	type outer struct{ first thing }
	o, empty := &outer{}, &struct{}{}
	a, ok := identity.OfPointer(o)
	if b, _ := identity.OfPointer(o); !ok || a != b {
		t.Error("two identities of one pointer differ")
	}
	if b, _ := identity.OfPointer(&o.first); a == b {
		t.Error("a struct and its first field have the same identity")
	}
	for _, v := range []any{nil, 1, empty, (*outer)(nil), *o} {
		if _, ok := identity.OfPointer(v); ok {
			t.Errorf("%T has an identity", v)
		}
	}
}

func TestDistinct(t *testing.T) {
	var d identity.Distinct[string]
	v := &thing{}
	for _, tt := range []struct {
		v     any
		label string
		first string
		dup   bool
	}{{v, "a", "", false}, {v, "b", "a", true}, {&thing{}, "c", "", false}, {1, "d", "", false}, {1, "e", "", false}} {
		if first, dup := d.Add(tt.v, tt.label); first != tt.first || dup != tt.dup {
			t.Errorf("%s: got %q, %t, want %q, %t", tt.label, first, dup, tt.first, tt.dup)
		}
	}
}

type options struct {
	Check  func(*http.Request) error
	Cookie *http.Cookie
	List   []string
	Table  map[string]func() int
	Any    any
	hidden inner
	self   *options
}

type inner struct {
	f    func() int
	any  any
	list [1]any
	m    map[string]any
	c    chan int
}

func TestCompare(t *testing.T) {
	f, g := captures(1), captures(1)
	c := make(chan int)
	make1 := func() options {
		o := options{
			Cookie: &http.Cookie{Name: "n", Value: "v"}, List: []string{"a", "b"}, Table: map[string]func() int{"f": f}, Any: f,
			hidden: inner{f, f, [1]any{f}, map[string]any{"f": f, "n": []int{1}}, c},
		}
		o.self = &o
		return o
	}
	if d := identity.Compare(make1(), make1()); d != nil {
		t.Errorf("equal values differ: %+v", *d)
	}
	for _, tt := range []struct {
		change func(*options)
		want   identity.Difference
	}{
		{func(o *options) { o.Check = func(*http.Request) error { return nil } }, identity.Difference{Path: ".Check"}},
		{func(o *options) { o.Cookie = &http.Cookie{Name: "n", Value: "w"} }, identity.Difference{Path: ".Cookie.Value"}},
		{func(o *options) { o.Cookie = nil }, identity.Difference{Path: ".Cookie"}},
		{func(o *options) { o.List = []string{"a"} }, identity.Difference{Path: ".List"}},
		{func(o *options) { o.List = []string{"a", "c"} }, identity.Difference{Path: ".List[1]"}},
		{func(o *options) { o.Table = map[string]func() int{"g": f} }, identity.Difference{Path: ".Table"}},
		{func(o *options) { o.Table = map[string]func() int{"f": f, "g": f} }, identity.Difference{Path: ".Table"}},
		{func(o *options) { o.Table = map[string]func() int{"f": g} }, identity.Difference{Path: ".Table[…]", Func: true}},
		{func(o *options) { o.Any = g }, identity.Difference{Path: ".Any", Func: true}},
		{func(o *options) { o.Any = 1 }, identity.Difference{Path: ".Any"}},
		{func(o *options) { o.hidden.f = g }, identity.Difference{Path: ".hidden.f", Func: true}},
		{func(o *options) { o.hidden.any = g }, identity.Difference{Path: ".hidden.any", Func: true}},
		{func(o *options) { o.hidden.list[0] = g }, identity.Difference{Path: ".hidden.list[0]", Func: true}},
		{func(o *options) { o.hidden.m = map[string]any{"f": f, "n": []int{2}} }, identity.Difference{Path: ".hidden.m[…][0]"}},
		{func(o *options) { o.hidden.c = make(chan int) }, identity.Difference{Path: ".hidden.c"}},
		{func(o *options) { o.self = nil }, identity.Difference{Path: ".self"}},
	} {
		o := make1()
		tt.change(&o)
		if d := identity.Compare(make1(), o); d == nil || *d != tt.want {
			t.Errorf("got %+v, want %+v", d, tt.want)
		}
	}
	if identity.Compare(nil, nil) != nil || identity.Compare(nil, 1) == nil || identity.Compare(1, int8(1)) == nil || identity.Compare(1, 1) != nil {
		t.Error("nil and plain values")
	}
}
