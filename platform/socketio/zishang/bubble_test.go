package zishang_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type bubbleGateway struct{}

func (bubbleGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil })}
}

// The adapter works with the clock of testing/synctest. Longer lives are not tested: the library sets the timeout of a
// ping after it has sent it, and where the pong comes sooner, that timeout ends the session.
func TestBubble(t *testing.T) {
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			root := module.New("test", module.Providers(websockets.Gateway(func() bubbleGateway { return bubbleGateway{} })))
			a := apptest.New(t, root, apptest.InMemory(), apptest.With(app.WebSockets(zishang.New())))
			started := time.Now()
			apptest.Call[string](a.DialSocketIO("/"), "echo", "x")
			a.DialSocketIO("/", apptest.WithoutPong(), apptest.WithTimeout(time.Minute)).ExpectClose()
			if after := time.Since(started).Round(time.Second); after != 45*time.Second {
				t.Errorf("closed after %v", after)
			}
		})
	}
}
