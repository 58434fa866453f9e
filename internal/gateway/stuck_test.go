package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// What does not return when the application stops is named, and the next HandleDisconnect runs.
func TestStuckAtStop(t *testing.T) {
	release := make(chan struct{})
	forever := func(context.Context, int) error { <-release; return nil }
	untilEnd := func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
	wait := func(context.Context, websockets.Client, websockets.Reason) { <-release }
	for name, c := range map[string]struct {
		gateway testGateway
		send    string
		stuck   string // "" for what returns when its context ends
		late    string
		took    time.Duration
	}{
		"handler":          {testGateway{subs: []websockets.Subscription{websockets.Listen("e", forever)}}, "e", `event "e" of gateway first`, "", 11 * time.Second},
		"background":       {testGateway{subs: []websockets.Subscription{websockets.Listen("e", forever, websockets.Background(1))}}, "e", `event "e" of gateway first`, "", 11 * time.Second},
		"fallback":         {testGateway{subs: []websockets.Subscription{websockets.Fallback(func(context.Context, string, websockets.Payload) (int, error) { <-release; return 0, nil })}}, "e", `event "e" of gateway first`, "", 11 * time.Second},
		"with its context": {testGateway{subs: []websockets.Subscription{websockets.Listen("e", untilEnd)}}, "e", "", `event "e" of gateway first`, 10 * time.Second},
		"HandleConnection": {testGateway{connect: func(context.Context, websockets.Client) error { <-release; return nil }}, "", "HandleConnection of gateway first", "", 11 * time.Second},
		"HandleDisconnect": {testGateway{leave: wait}, "", "HandleDisconnect of gateway first", "", 11 * time.Second},
		"HandleDisconnect with its context": {testGateway{leave: func(ctx context.Context, _ websockets.Client, _ websockets.Reason) { <-ctx.Done() }},
			"", "", "HandleDisconnect of gateway first", 10 * time.Second},
		"both": {testGateway{subs: []websockets.Subscription{websockets.Listen("e", forever)}, leave: wait}, "e", `event "e" of gateway first`, "", 12 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release = make(chan struct{})
				var left []string
				second := &testGateway{leave: func(context.Context, websockets.Client, websockets.Reason) { left = append(left, "second") }}
				k := newTestRuntimeOf(t, []*testGateway{&c.gateway, second})
				for i, name := range []string{"first", "second"} {
					k.rt.gateways[i].name = name
				}
				p := k.dial()
				if c.send != "" {
					start(p.sess.Receive(&adapter.Message{Event: c.send, Payload: websockets.Payload{JSON: []byte("1")}}))
					synctest.Wait()
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				started := time.Now()
				err := k.rt.Stop(ctx)
				if took := time.Since(started); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if name := c.stuck + c.late; err == nil || !errors.Is(err, context.DeadlineExceeded) ||
					!strings.HasPrefix(err.Error(), "websockets: stop: handlers of 1 clients did not finish in time ("+name+": 1 client): return when the context of the handler ends: ") {
					t.Errorf("%v", err)
				}
				if stuck := errors.Is(err, await.ErrStuck); stuck != (c.stuck != "") {
					t.Errorf("stuck %t: %v", stuck, err)
				}
				if logged := strings.Contains(k.log.String(), "handler is stuck: the stop no longer waits for it"); logged != (c.stuck != "") {
					t.Errorf("log:\n%s", k.log)
				}
				want := []string{"second"}
				if name == "HandleConnection" {
					want = nil // HandleConnection of the second was not called
				}
				if !slices.Equal(left, want) {
					t.Errorf("HandleDisconnect of %q, want %q", left, want)
				}
				close(release)
			})
		})
	}
}
