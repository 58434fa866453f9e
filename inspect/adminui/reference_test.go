package adminui_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/inspect/adminui"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// played is what a page has seen, see test/js/adminui.mjs.
type played struct {
	Refused  string
	Reason   string
	Emitted  []any
	Features []string
	Types    []string
	// Events has, of each event, the forms of its arguments.
	Events map[string][]string
}

// differences are events whose arguments have another form than those of npm's package, each with the reason.
var differences = map[string]string{}

// TestReference: a page sees of an application the same events, with the same arguments and keys, as of npm's socket.io with instrument().
func TestReference(t *testing.T) {
	node := nodetest.StartProcess(t, "adminui.mjs", func([]byte) {})
	var url string
	decode(t, node.MustDo("reference", nodetest.Fields{"username": "admin", "hash": hash(t), "mode": "development", "readonly": false}), &url)
	play := func(url string) (p played) {
		decode(t, node.MustDo("play", nodetest.Fields{"url": url, "username": "admin", "password": password}), &p)
		return p
	}
	want, got := play(url), play(start(t, adminui.Options{Mode: adminui.Development}).URL())

	if got.Refused != want.Refused || got.Reason != want.Reason {
		t.Errorf("refused %q, disconnected %q; npm's: %q, %q", got.Refused, got.Reason, want.Refused, want.Reason)
	}
	for what, both := range map[string][2]any{
		"arguments of emit": {got.Emitted, want.Emitted}, "features": {got.Features, want.Features}, "counters": {got.Types, want.Types},
	} {
		if g, w := text(t, both[0]), text(t, both[1]); g != w {
			t.Errorf("%s: %s\nnpm's: %s", what, g, w)
		}
	}
	if len(want.Events) < 11 {
		t.Errorf("npm's package has sent %d kinds of events: does the script still play?", len(want.Events))
	}
	names := slices.Concat(slices.Collect(maps.Keys(got.Events)), slices.Collect(maps.Keys(want.Events)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		same := slices.Equal(got.Events[name], want.Events[name])
		switch reason := differences[name]; {
		case !same && reason == "":
			t.Errorf("%s:\n%q\nnpm's:\n%q", name, got.Events[name], want.Events[name])
		case same && reason != "":
			t.Errorf("%s is the same as npm's: remove it from differences", name)
		}
	}
}

func decode(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
