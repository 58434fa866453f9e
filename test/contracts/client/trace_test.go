package client

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/observe"
)

// TestTrace: the trace context that the client's function returns at a call, a send or a stream is that of its message. What has another form,
// or is thrown, is none, and no handler sees it.
func TestTrace(t *testing.T) {
	const at = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-000000000000000"
	script := bundle(t, "node")
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			var mu sync.Mutex
			seen := map[string][]string{}
			a := serve(t, newRecord(), "127.0.0.1:0", app.Observe(observe.Hooks{
				Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
					mu.Lock()
					defer mu.Unlock()
					seen[h.Event] = append(seen[h.Event], h.Traceparent)
					return ctx, nil
				},
			}))
			defer stop(t, a)
			got := string(decode[json.RawMessage](t, play(t, script, "traced", platform, a.URL())))
			want := `{"seen":[[7,"a"],5,6,7,"a b.ü","fine","fine","fine","fine","fine",1],"errors":["Error: no trace"]}`
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			mu.Lock()
			defer mu.Unlock()
			for event, want := range map[string][]string{
				"mix": {at + "1-01"}, "poke": {at + "2-01"}, "count": {at + "3-01"}, "room": {""}, "fail": {"", "", "", "", ""}, "once": {at + "5-01"},
			} {
				if !slices.Equal(seen[event], want) {
					t.Errorf("%s: %q, want %q", event, seen[event], want)
				}
			}
		})
	}
}
