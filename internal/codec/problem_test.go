package codec

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func TestProblem(t *testing.T) {
	const duration = `a time.Duration has no JSON form: use int64 milliseconds, or a type with MarshalText and UnmarshalText`
	for _, tt := range []struct {
		typ           reflect.Type
		decoded, sent string
	}{
		{reflect.TypeFor[small](), "", ""},
		{reflect.TypeFor[tree](), "", ""},
		{reflect.TypeFor[any](), "", ""},
		{reflect.TypeFor[time.Time](), "", ""},
		{reflect.TypeFor[json.RawMessage](), "", ""},
		{reflect.TypeFor[map[netip.Addr][]*time.Time](), "", ""},
		{reflect.TypeFor[chan int](), "a chan int has no JSON form", "a chan int has no JSON form"},
		{reflect.TypeFor[struct{ F []func() }](), "F: a func() has no JSON form", "F: a func() has no JSON form"},
		{reflect.TypeFor[struct {
			F func() `json:"-"`
		}](), "", ""},
		{reflect.TypeFor[map[string]complex64](), "a complex64 has no JSON form", "a complex64 has no JSON form"},
		{reflect.TypeFor[struct{ In struct{ D time.Duration } }](), "In: D: " + duration, "In: D: " + duration},
		{reflect.TypeFor[fmt.Stringer](), "the interface fmt.Stringer cannot be decoded", ""},
		{reflect.TypeFor[[]io.Reader](), "the interface io.Reader cannot be decoded", ""},
		{reflect.TypeFor[map[bool]int](), "the key bool of a map has no form as a name in JSON", "the key bool of a map has no form as a name in JSON"},
		{reflect.TypeFor[map[textual]int](), "", ""},
		{reflect.TypeFor[map[int]int](), "", ""},
		{reflect.TypeFor[noFields](), "Go struct has no exported fields", "Go struct has no exported fields"},
		{reflect.TypeFor[refusing](), "", ""},
	} {
		_, err := DecoderOf(tt.typ)
		check(t, fmt.Sprint(tt.typ, " decoded"), err, tt.decoded)
		_, err = EncoderOf(tt.typ)
		check(t, fmt.Sprint(tt.typ, " sent"), err, tt.sent)
	}
	formatted, _ := reflect.TypeFor[struct {
		D time.Duration `json:",format:units"`
	}]().FieldByName("D")
	plain, _ := reflect.TypeFor[struct{ D time.Duration }]().FieldByName("D")
	if FieldProblem(formatted, true) != "" || FieldProblem(plain, true) != duration {
		t.Error(FieldProblem(formatted, true), FieldProblem(plain, true))
	}
}

func check(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := text2(err); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func text2(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
