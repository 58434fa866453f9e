package socketio_test

import (
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var Module = module.New("chat")

// An application whose gateways are served by Socket.IO, with a server of its own limits.
func ExampleNew() {
	app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New(socketio.Options{
		Transports:    []string{socketio.WebSocket, socketio.Polling},
		MaxNamespaces: 10,
	})))
}

// Clients that lose their connection get their id, their rooms and what they missed.
func ExampleRecovery() {
	_ = socketio.New(socketio.Options{
		Recovery: &socketio.Recovery{MaxDisconnection: 2 * time.Minute},
	})
}

// Packets in MessagePack, for clients with socket.io-msgpack-parser.
func ExampleOptions_parser() {
	_ = socketio.New(socketio.Options{Parser: msgpack.Parser()})
}

// The object of the platform for a client, for its transport.
func ExampleSocketOf() {
	transport := func(c websockets.Client) string {
		s, ok := socketio.SocketOf(c)
		if !ok {
			return "" // a client of another platform
		}
		return s.Transport() // "polling" or "websocket"
	}
	_ = transport
}
