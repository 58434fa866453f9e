package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// leaver reports why its clients have left.
type leaver struct{ causes chan websockets.Cause }

func newLeaver() *leaver { return &leaver{make(chan websockets.Cause, 8)} }

func (*leaver) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("kick", func(ctx context.Context, _ any) error {
		websockets.ClientFrom(ctx).Disconnect()
		return nil
	})}
}

func (g *leaver) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	g.causes <- r.Cause
}

// The rows of "How connections end" that a client can bring about, with npm's client.
func TestReasons(t *testing.T) {
	page, err := os.ReadFile("../../../socketio.md")
	if err != nil {
		t.Fatal(err)
	}
	n := nodetest.Start(t)
	for _, row := range []struct {
		what, cause, client string
		only                string // transport
		do                  func(a *apptest.App, c *nodetest.Client)
	}{
		{"the client calls `disconnect()`", "client namespace disconnect", "io client disconnect", "",
			func(_ *apptest.App, c *nodetest.Client) { c.Disconnect() }},
		{"`Client.Disconnect`, or an error of `HandleConnection`", "server namespace disconnect", "io server disconnect", "",
			func(_ *apptest.App, c *nodetest.Client) { c.Emit("kick") }},
		{"the application stops", "server shutting down", "transport close", "",
			func(a *apptest.App, _ *nodetest.Client) {
				if err := a.App().Stop(t.Context()); err != nil {
					t.Error(err)
				}
			}},
		{"the connection is lost, or a page on WebSocket is closed", "transport close", "transport close", socketio.WebSocket,
			func(_ *apptest.App, c *nodetest.Client) { c.Cut() }},
		{"a packet breaks the protocol", "parse error", "transport close", "",
			func(_ *apptest.App, c *nodetest.Client) {
				var eleven []any
				for range 11 {
					eleven = append(eleven, []byte{1})
				}
				c.Emit("kick", eleven...)
			}},
		{"a message is larger than `MaxMessage`", "message too big", "transport close", "",
			func(_ *apptest.App, c *nodetest.Client) { c.Emit("kick", string(bytes.Repeat([]byte("x"), 1_000_001))) }},
	} {
		if line := "| " + row.what + " | `" + row.cause + "` | `" + row.client + "` |"; !strings.Contains(string(page), line) {
			t.Errorf("docs/socketio.md does not say %s", line)
		}
		for _, transport := range []string{socketio.Polling, socketio.WebSocket} {
			if row.only != "" && row.only != transport {
				continue
			}
			t.Run(row.what+" "+transport, func(t *testing.T) {
				g := newLeaver()
				root := module.New("leaver", module.Providers(websockets.Gateway(func() *leaver { return g })))
				a := apptest.New(t, root, apptest.With(app.WebSockets(socketio.New())))
				c := n.SocketIO(a.URL(), nodetest.Opts{"transports": []string{transport}})
				row.do(a, c)
				if got := string(<-g.causes); got != row.cause {
					t.Errorf("the server says %q, want %q", got, row.cause)
				}
				got := c.ExpectEnd().Reason
				if transport == socketio.Polling && row.client == "transport close" && got == "transport error" {
					return // as the page says
				}
				if got != row.client {
					t.Errorf("the client says %q, want %q", got, row.client)
				}
			})
		}
	}
}
