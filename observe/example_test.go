package observe_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type Greeter struct{}

func NewGreeter() *Greeter { return &Greeter{} }

func (*Greeter) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("greet", func(_ context.Context, name string) (string, error) { return "Hello, " + name, nil }),
	}
}

var Module = module.New("greeter", module.Providers(websockets.Gateway(NewGreeter)))

// Hooks of two observers: durations of handlers, and a log of refused connections.
func ExampleHooks() {
	durations := observe.Hooks{
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			return ctx, func(o observe.Outcome) {
				fmt.Println(h.Gateway, h.Event, o.Took > 0, o.Err)
			}
		},
	}
	refusals := observe.Hooks{
		Refused: func(ctx context.Context, a observe.Attempt, r observe.Refusal) {
			slog.WarnContext(ctx, "refused", "path", a.Path, "stage", r.Stage, "code", r.Sent.Code, "error", r.Err)
		},
	}
	a, err := app.New(Module, app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()),
		app.Observe(durations, refusals), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := a.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("started")
	_ = a.Stop(context.Background())
	// Output: started
}

// Statistics are read at intervals, here for a log line.
func ExampleStats() {
	report := func(a *app.App) {
		for _, e := range a.Stats().Endpoints {
			fmt.Println(e.Platform, e.Path, "clients:", e.Clients, "rooms:", e.Rooms, "queued:", e.QueuedBytes)
		}
	}
	a, err := app.New(Module, app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	report(a)
	_ = a.Stop(ctx)
	// Output: ws / clients: 0 rooms: 0 queued: 0
}
