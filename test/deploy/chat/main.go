// Command chat sends what a client says to the clients of all nodes.
package main

import (
	"context"
	"os"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type Chat struct {
	Server *websockets.Server `websockets:"server"`
}

func NewChat() *Chat { return &Chat{} }

func (g *Chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("say", g.Say)}
}

// Say sends a text to the clients of all nodes.
func (g *Chat) Say(ctx context.Context, text string) error { return g.Server.Emit(ctx, "said", text) }

var Module = module.New("chat",
	module.Providers(websockets.Gateway(NewChat)),
	module.Controllers(web.Controller(app.NewHealthController, web.WithoutPrefix())), // /livez and /readyz
)

func main() {
	drain, _ := time.ParseDuration(os.Getenv("DRAIN_DELAY")) // until balancers have noticed; 0 without
	app.Main(Module, app.HTTP(os.Getenv("ADDR")), app.WebSockets(socketio.New()), app.DrainDelay(drain),
		app.Backplane(embedded.New(
			embedded.Listen(os.Getenv("NODE_ADDR")),      // for the other nodes
			embedded.Peers(os.Getenv("PEERS")),           // a node, or a name with the addresses of all
			embedded.Secret(os.Getenv("CLUSTER_SECRET")), // the same on all nodes
		)),
	)
}
