package gateways_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// closer closes its clients with the code that they ask for.
type closer struct{}

func newCloser() *closer { return &closer{} }

func (*closer) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("close", func(ctx context.Context, code int) error {
		websockets.ClientFrom(ctx).Close(code, "try again later")
		return nil
	})}
}

// What docs/gateways.md says of Client.Close.
func TestClose(t *testing.T) {
	root := module.New("closer", module.Providers(websockets.Gateway(newCloser)))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())))
	for asked, want := range map[int]int{1000: 1000, 1008: 1008, 3000: 3000, 4999: 4999, 1001: 1000, 5000: 1000} {
		c := a.DialWS("/")
		c.Emit("close", asked)
		if end := c.ExpectClose(); end.Code != want {
			t.Errorf("asked for %d, closed with %d, want %d", asked, end.Code, want)
		}
	}
	a = apptest.New(t, root, apptest.With(app.WebSockets(socketio.New())))
	c := a.DialSocketIO("/")
	c.Emit("close", 4000)
	c.ExpectClose()
}
