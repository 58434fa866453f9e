package main

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Feed sends news.
type Feed struct {
	Server *websockets.Server `websockets:"server"`
}

// NewFeed makes a Feed.
func NewFeed() *Feed { return &Feed{} }

// Updated is sent to readers, Hello to a new client.
var (
	Updated = websockets.NewEvent[string]("updated")
	Hello   = websockets.NewEvent[string]("hello")
)

// Subscriptions of the Feed.
func (g *Feed) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("publish", g.Publish),
		websockets.On("transport", g.Transport),
	}
}

// Publish sends the text to the readers.
func (g *Feed) Publish(ctx context.Context, text string) error {
	return Updated.Emit(ctx, g.Server.To("readers"), text)
}

// Transport of the client.
func (g *Feed) Transport(ctx context.Context, _ struct{}) (string, error) {
	return transport(websockets.ClientFrom(ctx)), nil
}

// Recovering restores clients after a lost connection.
//
// snippet:recovery
var Recovering = module.New("feed", module.Providers(websockets.Gateway(NewFeed,
	socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: 5 * time.Minute}},
	websockets.Emits(Hello, Updated),
)))

func (g *Feed) HandleConnection(ctx context.Context, c websockets.Client) error {
	if c.Recovered() {
		return nil // it is in its rooms and receives what it missed
	}
	if err := c.Join("readers"); err != nil {
		return err
	}
	return Hello.Emit(ctx, c, "Welcome") // recovery resumes after the last event
}

// end

// Packed speaks MessagePack.
//
// snippet:msgpack
var Packed = module.New("feed", module.Providers(websockets.Gateway(NewFeed,
	socketio.Options{Parser: msgpack.Parser()},
)))

// end

// Sticky has a cookie for load balancers.
//
// snippet:cookie
var Sticky = module.New("feed", module.Providers(websockets.Gateway(NewFeed,
	socketio.Options{Cookie: &http.Cookie{Name: "io", HttpOnly: true, Secure: true}},
)))

// end

// transport shows this platform's side of a client.
//
// snippet:transport
func transport(c websockets.Client) string {
	s, ok := socketio.SocketOf(c)
	if !ok {
		return "" // a client of another platform
	}
	return s.Transport() // "polling" or "websocket"
}

// end
