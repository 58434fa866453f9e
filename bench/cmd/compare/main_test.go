package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWrongArguments(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"-quick everything", `unknown argument "everything"`},
		{"-nonsense", "not defined: -nonsense"},
		{"-peers gws,unknown", `no peer "unknown"`},
		{"-works juggle", `no work "juggle"`},
		{"-against noone", `no peer "noone"`},
	} {
		err := run(t.Context(), strings.Fields(c.args))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.args, err, c.says)
		}
	}
}
