package adapter_test

import (
	"cmp"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// A later option turns an earlier one on or off; an unset one keeps it.
func TestSwitch(t *testing.T) {
	var unset adapter.Switch
	for _, tt := range []struct{ next, before, want adapter.Switch }{
		{unset, adapter.On, adapter.On},
		{adapter.Off, adapter.On, adapter.Off},
		{adapter.On, adapter.Off, adapter.On},
		{unset, unset, unset},
	} {
		if got := cmp.Or(tt.next, tt.before); got != tt.want {
			t.Errorf("%v after %v is %v, want %v", tt.next, tt.before, got, tt.want)
		}
	}
	for s, want := range map[adapter.Switch]string{unset: "default", adapter.On: "on", adapter.Off: "off", 3: "invalid"} {
		if s.String() != want || s.Valid() != (want != "invalid") {
			t.Errorf("%d: %s, valid: %t", uint8(s), s, s.Valid())
		}
	}
}
