package main

import (
	"context"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type Lobby struct {
	Server *websockets.Server `websockets:"server"`
}

func NewLobby() *Lobby { return &Lobby{} }

var Said = websockets.NewEvent[string]("said")

func (g *Lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("say", g.Say)}
}

// Say sends the text to all clients and returns how many are connected.
func (g *Lobby) Say(ctx context.Context, text string) (int, error) {
	if err := Said.Emit(ctx, g.Server, text); err != nil {
		return 0, err
	}
	return g.Server.Count(ctx)
}

var Module = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	websockets.Via(socketio.New(), websockets.Namespace("lobby")),
	websockets.Via(ws.New(), websockets.Path("/lobby")),
	websockets.Emits(Said),
)))

func main() { app.Main(Module, app.HTTP(":3000")) }
