// Package stats streams figures of the chat of this process, on a separate port.
package stats

import (
	"context"
	"iter"
	"time"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/chat"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// NewModule returns the module: the gateway at addr, or at that of the application if it
// is empty, at the Socket.IO namespace /stats and at /ws/stats. It imports the chat for
// its figures.
func NewModule(p platforms.Platforms, addr string, chats *module.Module) *module.Module {
	opts := append(p.At("/stats", "/ws/stats"), websockets.Emits(Figures))
	if addr != "" {
		opts = append(opts, websockets.Addr(addr))
	}
	return module.New("stats",
		module.Imports(chats),
		module.Exports(websockets.Gateway(NewGateway, opts...)),
	)
}

// Figures is the event `stats`. A slow client misses some.
var Figures = websockets.NewEvent[Stats]("stats", websockets.WithOverflow(websockets.OverflowDropOldest))

// Stats are the figures of the chat.
type Stats struct {
	// Connections is the number of connected clients.
	Connections int `json:"connections"`
	// Messages is the number of messages since the start.
	Messages int64 `json:"messages"`
}

// Watch is the payload of `watch`: the interval in milliseconds, from 50 to 60,000.
type Watch struct {
	EveryMS int `json:"every_ms"`
}

const (
	minEvery = 50
	maxEvery = 60_000
)

func (w Watch) every() time.Duration {
	return time.Duration(min(max(w.EveryMS, minEvery), maxEvery)) * time.Millisecond
}

// Gateway streams figures on `watch`.
type Gateway struct {
	Server *websockets.Server `websockets:"server"`

	chat *chat.Gateway
}

// NewGateway returns the gateway.
func NewGateway(c *chat.Gateway) *Gateway { return &Gateway{chat: c} }

// Subscriptions implements [websockets.Subscriber]. The stream does not end, so it runs
// in the background, one for each client.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Stream("watch", g.Watch, websockets.Background(1), websockets.Sends(Figures)),
	}
}

// Watch sends the figures at once and after each interval, until the client disconnects.
func (g *Gateway) Watch(ctx context.Context, w Watch) iter.Seq2[websockets.Response[Stats], error] {
	return func(yield func(websockets.Response[Stats], error) bool) {
		ticker := time.NewTicker(w.every())
		defer ticker.Stop()
		for yield(Figures.Response(g.now()), nil) {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}
}

func (g *Gateway) now() Stats { return Stats{g.chat.Clients(), g.chat.Messages()} }
