package main

import (
	"context"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type Lobby struct {
	Server *websockets.Server `websockets:"server"`
}

func NewLobby() *Lobby { return &Lobby{} }

var (
	Said    = websockets.NewEvent[string]("said")
	Confirm = websockets.NewCall[string, bool]("confirm")
)

func (g *Lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("say", g.Say),
		websockets.On("echo", g.Echo),
		websockets.Listen("ask", g.Ask),
	}
}

// Say sends the text to all clients and returns how many are connected.
func (g *Lobby) Say(ctx context.Context, text string) (int, error) {
	if err := Said.Emit(ctx, g.Server, text); err != nil {
		return 0, err
	}
	return g.Server.Count(ctx)
}

func (g *Lobby) Echo(_ context.Context, b []byte) ([]byte, error) { return b, nil }

// Ask asks the client to confirm, then sends the question to all clients.
func (g *Lobby) Ask(ctx context.Context, question string) error {
	yes, err := Confirm.Call(ctx, websockets.ClientFrom(ctx), question)
	if err != nil || !yes {
		return err
	}
	return Said.Emit(ctx, g.Server, question)
}

var Module = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	websockets.Path("/lobby"),
	websockets.Emits(Said, Confirm),
)))

func main() { app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New())) }
