package codec

import (
	stdjson "encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func TestMethodOf(t *testing.T) {
	for _, tt := range []struct {
		typ           reflect.Type
		decoded, sent Method
	}{
		{reflect.TypeFor[int](), ByKind, ByKind},
		{reflect.TypeFor[*netip.Addr](), ByKind, ByKind},
		{reflect.TypeFor[any](), ByKind, ByKind},
		{reflect.TypeFor[netip.Addr](), ByText, ByText},
		{reflect.TypeFor[time.Time](), ByTime, ByTime},
		{reflect.TypeFor[stdjson.RawMessage](), ByJSON, ByJSON},
		{reflect.TypeFor[big.Int](), ByJSON, ByJSON},
		{reflect.TypeFor[onlyTo](), ByKind, ByJSON},
		{reflect.TypeFor[onlyFrom](), ByJSON, ByKind},
		{reflect.TypeFor[textMap](), ByKind, ByText},
		{reflect.TypeFor[bothForms](), ByJSON, ByJSON},
	} {
		if decoded, sent := MethodOf(tt.typ, false), MethodOf(tt.typ, true); decoded != tt.decoded || sent != tt.sent {
			t.Errorf("%v: decoded %d, sent %d; want %d, %d", tt.typ, decoded, sent, tt.decoded, tt.sent)
		}
	}
}

func TestStructProblem(t *testing.T) {
	const want = "Go struct has no exported fields"
	if got := StructProblem(reflect.TypeFor[noFields](), true); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := StructProblem(reflect.TypeFor[durations](), true); got != "" {
		t.Errorf("of a struct whose field has no form: %q", got)
	}
}
