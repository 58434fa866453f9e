// Package gateway is the gateway of the Gatehouse servers, the same on every platform.
package gateway

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Message is the payload of both events.
type Message struct {
	Seq  int64  `json:"seq"`
	Text string `json:"text"`
}

var shouted = websockets.NewEvent[Message]("shout")

// Gateway echoes and broadcasts.
type Gateway struct {
	Server *websockets.Server `websockets:"server"`
}

func newGateway() *Gateway { return &Gateway{} }

// Subscriptions of the gateway.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", g.echo),
		websockets.Listen("shout", g.shout),
	}
}

// RawGateway echoes payloads undecoded.
type RawGateway struct{}

func newRawGateway() *RawGateway { return &RawGateway{} }

// Subscriptions of the gateway.
func (*RawGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, p websockets.Payload) (websockets.Payload, error) { return p, nil }),
	}
}

func (*Gateway) echo(_ context.Context, m Message) (Message, error) { return m, nil }

func (g *Gateway) shout(ctx context.Context, m Message) error { return shouted.Emit(ctx, g.Server, m) }

// Serve runs the application on platforms, one gateway on all of them, until it fails. Its flags are the process's.
func Serve(platforms ...adapter.Adapter) error {
	raw := flag.Bool("raw", false, "take payloads undecoded")
	library := flag.String("json", "", "the JSON library; empty for the framework's own choice")
	flag.Parse()
	var via []websockets.Option
	for _, p := range platforms {
		via = append(via, websockets.Via(p))
	}
	root := module.New("bench", module.Providers(websockets.Gateway(newGateway, via...)))
	if *raw {
		root = module.New("bench", module.Providers(websockets.Gateway(newRawGateway, via...)))
	}
	var opts []app.Option
	if *library != "" {
		if *library != "segmentio" {
			return fmt.Errorf("there is no JSON library %q", *library)
		}
		opts = append(opts, app.JSON(segmentio{}))
	}
	announced := make(chan error, 1)
	a, err := app.New(root, append(opts,
		app.HTTP("127.0.0.1:0"),
		app.MaxConnections(-1), // the work crowd has more than 80 % of the files
		app.Logger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))),
		app.OnReady(func(a *app.App) { announced <- serve.Announce(a.Addr()) }))...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		if err := <-announced; err != nil {
			cancel(err)
		}
	}()
	return a.Run(ctx)
}
