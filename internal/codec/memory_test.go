package codec

import (
	"reflect"
	"testing"
)

// What an interface holds itself, and what it points to, is asked of Go and not assumed.
func TestBoxed(t *testing.T) {
	n, m := 5, map[string]int{"a": 1}
	for _, tt := range []struct {
		v     any
		boxed bool
	}{
		{1, true}, {"", true}, {struct{}{}, true}, {[0]*int{}, true}, {[2]*int{}, true}, {[]int{}, true}, {small{}, true},
		{&n, false}, {m, false}, {single{&n}, false}, {[1]*int{&n}, false}, {oneMap{m}, false}, {oneFunc{}, false}, {make(chan int), false},
	} {
		if got := isBoxed(reflect.TypeOf(tt.v)); got != tt.boxed {
			t.Errorf("%T: %v", tt.v, got)
		}
	}
	for _, v := range []any{oneWord{P: &n}, struct {
		P *int
		_ [0]func()
	}{P: &n}} {
		if b, err := Append(nil, v); err != nil || string(b) != `{"P":5}` {
			t.Errorf("%T: %s, %v", v, b, err)
		}
	}
}

// BenchmarkFields stores and loads the fields of the list of BenchmarkRoundTrip, by reflect.Value and by their addresses. What
// reflect.Value takes more is a part of the round trip.
func BenchmarkFields(b *testing.B) {
	l := items(45)
	b.Run("reflect", func(b *testing.B) {
		for b.Loop() {
			list := reflect.ValueOf(&l).Elem().Field(0)
			for i := range list.Len() {
				v := list.Index(i)
				v.Field(0).SetInt(v.Field(0).Int())
				v.Field(1).SetString(v.Field(1).String())
				v.Field(2).SetFloat(v.Field(2).Float())
				tags := v.Field(3)
				for j := range tags.Len() {
					tags.Index(j).SetString(tags.Index(j).String())
				}
				v.Field(4).SetBool(v.Field(4).Bool())
			}
		}
	})
	o := planOf(reflect.TypeFor[item]()).node.object
	b.Run("addresses", func(b *testing.B) {
		for b.Loop() {
			h := header(ptr(&l.Items))
			for i := range h.len {
				p := at(h.data, uintptr(i)*reflect.TypeFor[item]().Size())
				*as[int](at(p, o.fields[0].offset)) = *as[int](at(p, o.fields[0].offset))
				*as[string](at(p, o.fields[1].offset)) = *as[string](at(p, o.fields[1].offset))
				*as[float64](at(p, o.fields[2].offset)) = *as[float64](at(p, o.fields[2].offset))
				tags := header(at(p, o.fields[3].offset))
				for j := range tags.len {
					s := at(tags.data, uintptr(j)*stringSize)
					tag := *as[string](s)
					*as[string](s) = tag
				}
				*as[bool](at(p, o.fields[4].offset)) = *as[bool](at(p, o.fields[4].offset))
			}
		}
	})
}
