package scalar_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/scalar"
)

type word string

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		text string
		want any // its type is the one to convert to
		ok   bool
	}{
		{"x", "x", true},
		{"x", word("x"), true},
		{"true", true, true},
		{"1", true, true},
		{"yes", false, false},
		{"-128", int8(-128), true},
		{"128", int8(0), false},
		{"0x10", 0, false},
		{"7", uint16(7), true},
		{"-1", uint(0), false},
		{"1.5", 1.5, true},
		{"1.5", float32(1.5), true},
		{"NaN", 0.0, false},
		{"Inf", 0.0, false},
		{"1e999", 0.0, false},
		{"90s", 90 * time.Second, true},
		{"90", time.Duration(0), false},
		{"127.0.0.1", netip.MustParseAddr("127.0.0.1"), true},
		{"localhost", netip.Addr{}, false},
	} {
		dst := reflect.New(reflect.TypeOf(tt.want)).Elem()
		err := scalar.Of(dst.Type())(dst, tt.text)
		if (err == nil) != tt.ok || tt.ok && dst.Interface() != tt.want {
			t.Errorf("%q as %T: %v, %v", tt.text, tt.want, dst.Interface(), err)
		}
	}
	p := reflect.New(reflect.TypeFor[*int]()).Elem()
	if err := scalar.Of(p.Type())(p, "5"); err != nil || p.Elem().Int() != 5 {
		t.Errorf("%v, %v", p.Elem(), err)
	}
}

func TestUnsupported(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[any](), reflect.TypeFor[struct{}](), reflect.TypeFor[[]string](), reflect.TypeFor[map[string]int](),
		reflect.TypeFor[chan int](), reflect.TypeFor[**int](), reflect.TypeFor[complex128](), reflect.TypeFor[*struct{}](),
	} {
		if scalar.Of(typ) != nil {
			t.Errorf("%v is supported", typ)
		}
	}
}
