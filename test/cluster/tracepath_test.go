package cluster_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	goclient "github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The trace of a client's message goes on at another node, on both platforms: from the client to the handler, to what it emits and
// calls, to the delivery there. A message without one has none. Clients do not receive it.
func TestTracePath(t *testing.T) {
	onEachService(t, testTracePath)
}

func testTracePath(t *testing.T, s service) {
	of := func(ctx context.Context) string { s, _ := ctx.Value(traceKey{}).(string); return s }
	arrivals := make(chan observe.Arrival, 10)
	hooks := observe.Hooks{
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			return context.WithValue(ctx, traceKey{}, h.Traceparent), nil
		},
		Traceparent: of,
		Deliver: func(ctx context.Context, a observe.Arrival) (context.Context, func(observe.Delivery)) {
			arrivals <- a
			return ctx, nil
		},
	}
	start := func() (*apptest.App, *gateway) {
		io := socketio.New(socketio.Options{TraceArgument: socketio.On})
		m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Via(io), websockets.Via(ws.New(), websockets.Path("/plain")))))
		a := apptest.New(t, m, apptest.With(app.Backplane(s()), app.Observe(hooks), app.Logger(slog.New(slog.DiscardHandler))))
		return a, apptest.Get[*gateway](a)
	}
	a, from := start()
	b, to := start()
	for _, g := range []*gateway{from, to} {
		testkit.Eventually(t, "the nodes know each other", func() bool { return len(g.Server.Nodes()) == 2 })
	}
	bob := b.DialWS("/plain")
	bob.Call("id") // the server has the client
	plain, err := goclient.Dial(t.Context(), a.URL()+"/plain", goclient.Options{Trace: func(ctx context.Context) (string, string) { return of(ctx), "" }})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close(t.Context())
	io := a.DialSocketIO("/")
	for platform, shout := range map[string]func(trace string){
		"plain WebSocket": func(trace string) {
			if _, err := plain.Call(context.WithValue(t.Context(), traceKey{}, trace), "shout", "hello"); err != nil {
				t.Error(err)
			}
		},
		"Socket.IO": func(trace string) {
			args := []any{"hello"}
			if trace != "" {
				args = append(args, "tp="+trace)
			}
			io.Call("shout", args...)
		},
	} {
		for _, trace := range []string{traceparent, "", traceparent} {
			shout(trace)
			a := testkit.Receive(t, "an arrival", arrivals)
			if a.Event != "shout" || a.Traceparent != trace {
				t.Errorf("%s: the other node has %+v, want the trace %q", platform, a, trace)
			}
			bob.Raw().Expect(`{"event":"shout","data":"hello"}`)
		}
	}
}
