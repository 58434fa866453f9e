// Package platforms is the code of docs/platforms.md.
package platforms

import (
	"bytes"
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Lobby says what it hears.
type Lobby struct {
	Server websockets.Server `websockets:"server"`
}

// NewLobby makes a Lobby.
func NewLobby() *Lobby { return &Lobby{} }

// Subscriptions of the Lobby.
func (g *Lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("say", g.Say),
		websockets.On("echo", g.Echo),
		websockets.Listen("ask", g.Ask),
		websockets.On("subprotocol", g.Subprotocol),
	}
}

// Said is sent to everybody.
var Said = websockets.NewEvent[string]("said")

// Say tells everybody, and how many that are.
func (g *Lobby) Say(_ context.Context, text string) (int, error) {
	return g.Server.Count(), Said.Emit(g.Server, text)
}

// Confirm asks the client.
var Confirm = websockets.NewCall[string, bool]("confirm")

// Ask asks the client, and tells everybody when it agrees.
func (g *Lobby) Ask(ctx context.Context, question string) error {
	yes, err := Confirm.Call(ctx, websockets.ClientFrom(ctx), question)
	if err != nil || !yes {
		return err
	}
	return Said.Emit(g.Server, question)
}

// Subprotocol of the client.
func (g *Lobby) Subprotocol(ctx context.Context, _ struct{}) (string, error) {
	return subprotocol(websockets.ClientFrom(ctx)), nil
}

// Echo gives bytes back.
func (g *Lobby) Echo(_ context.Context, b []byte) ([]byte, error) { return b, nil }

// Both is served on two platforms.
//
// snippet:via
var Both = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	websockets.Via(socketio.New(), websockets.Namespace("lobby")),
	websockets.Via(ws.New(), websockets.Path("/lobby")),
)))

// end

// Tuned has options of its platform.
//
// snippet:options
var Tuned = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	websockets.Path("/lobby"),
	websockets.Origins("https://app.example.com"),
	websockets.WithLimits(websockets.Limits{PingInterval: 10 * time.Second}),
	ws.Options{Subprotocols: []string{"lobby.v1"}, Compression: ws.CompressionEach},
)))

// end

// Lines is a codec for messages "event payload".
//
// snippet:codec
type Lines struct{}

func (Lines) Text() bool { return true }

func (Lines) Decode(msg []byte) (ws.Envelope, error) {
	event, data, _ := bytes.Cut(msg, []byte{' '})
	return ws.Envelope{Event: string(event), Data: data}, nil
}

func (Lines) Append(dst []byte, e ws.Envelope) ([]byte, error) {
	return append(append(append(dst, e.Event...), ' '), e.Data...), nil
}

// end

// ByLines speaks Lines.
//
// snippet:codec-use
var ByLines = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	websockets.Via(ws.New(ws.Options{Codec: Lines{}})),
)))

// end

// subprotocol shows the native connection.
//
// snippet:native
func subprotocol(c websockets.Client) string {
	conn, ok := ws.ConnOf(c) // *websocket.Conn of github.com/coder/websocket
	if !ok {
		return "" // a client of another platform
	}
	return conn.Subprotocol()
}

// end
