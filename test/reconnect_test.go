package test_test

import (
	"log/slog"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestReconnect: socket.io-client reconnects when the application restarts, on either
// transport.
func TestReconnect(t *testing.T) {
	n := nodetest.Start(t)
	for _, transport := range []string{"polling", "websocket"} {
		t.Run(transport, func(t *testing.T) {
			start := func(addr string) *app.App {
				t.Helper()
				m := module.New("ack", module.Providers(websockets.Gateway(newAck)))
				a, err := app.New(m, app.HTTP(addr), app.WebSockets(socketio.New()), app.Logger(slog.New(slog.DiscardHandler)))
				if err != nil {
					t.Fatal(err)
				}
				if err := a.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				return a
			}
			first := start("127.0.0.1:0")
			addr := first.Addr().String()
			c := n.SocketIO("http://"+addr, nodetest.Opts{
				"transports": []string{transport}, "reconnection": true, "reconnectionDelay": 50, "reconnectionDelayMax": 100,
			})
			oneJSON(t, "ack", c.Call("push", testBody), `"pong"`)
			if err := first.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			second := start(addr)
			c.ExpectReconnect(1)
			oneJSON(t, "ack", c.Call("push", testBody), `"pong"`)
			c.Disconnect()
			if err := second.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
