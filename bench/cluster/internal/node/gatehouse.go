package node

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var ticked = websockets.NewEvent[Tick]("n")

type gateway struct {
	Server *websockets.Server `websockets:"server"`

	node *Node
	name string // of the node: its clients are in the room of that name
}

func (g *gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen(Call, g.call)}
}

func (g *gateway) call(ctx context.Context, _ websockets.Payload) error {
	g.node.Handle(ctx)
	return nil // what Emit returns is counted, and is no answer for the client
}

// HandleConnection puts the client into the room of the node, and that of all nodes.
func (g *gateway) HandleConnection(_ context.Context, c websockets.Client) error {
	if c.Request().URL.Query().Has(Caller) {
		return nil
	}
	return c.Join(g.name, Watchers)
}

func (g *gateway) emit(ctx context.Context, room string, t Tick) error {
	if room != "" {
		return ticked.Emit(ctx, g.Server.To(room), t)
	}
	return ticked.Emit(ctx, g.Server, t)
}

func (g *gateway) encoded(ctx context.Context, json []byte) error {
	return g.Server.Emit(ctx, ticked.Name(), websockets.Payload{JSON: json})
}

// engine returns the option for what connects the nodes.
func (s Settings) engine(log *slog.Logger) (app.Option, error) {
	queue := backplane.Queue(0, s.Queue)
	switch s.Peer {
	case Alone:
		return app.Logger(log), nil // it is set in any case
	case Native:
		return app.Backplane(redis.Native(redis.Address(s.Redis)), queue), nil
	case Streams:
		return app.Backplane(redis.Streams(redis.Address(s.Redis)), queue), nil
	case Classic:
		return app.Backplane(redis.SocketIO(redis.Address(s.Redis)), queue), nil
	case Embedded:
		return app.Backplane(embedded.New(embedded.Listen(s.Listen), embedded.Peers(strings.Split(s.Peers, ",")...),
			embedded.Secret("only for the comparison, on this machine"), embedded.Logger(slog.New(slog.DiscardHandler))), queue), nil
	default:
		return nil, fmt.Errorf("there is no peer %q", s.Peer)
	}
}

func runGatehouse(ctx context.Context, s Settings) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	engine, err := s.engine(log)
	if err != nil {
		return err
	}
	n := &Node{}
	g := &gateway{name: s.Name, node: n}
	ready := make(chan error, 1)
	a, err := app.New(module.New("bench", module.Providers(websockets.Gateway(func() *gateway { return g }))),
		app.HTTP("127.0.0.1:0"), app.WebSockets(socketio.New()), app.Logger(log), engine,
		app.OnReady(func(a *app.App) { ready <- serve.Announce(a.Addr()) }))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n.Emit, n.Encoded, n.Stats = g.emit, g.encoded, func() Reply { return statsOf(a) }
	go func() {
		if err := <-ready; err != nil {
			cancel(err)
			return
		}
		cancel(n.Serve(ctx, os.Stdin, os.Stdout))
	}()
	err = a.Run(ctx)
	return cmp.Or(err, context.Cause(ctx))
}

func statsOf(a *app.App) Reply {
	s := a.Stats().Backplane
	if s == nil {
		return Reply{}
	}
	return Reply{Received: s.Received, Lost: s.Dropped + s.Overrun + s.Gaps + s.Unknown + s.Invalid, Gaps: s.Gaps, Queued: s.Queued, Nodes: s.Nodes}
}
