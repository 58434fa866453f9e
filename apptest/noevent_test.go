package apptest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type namelessGateway struct {
	Server *websockets.Server `websockets:"server"`
}

func newNamelessGateway() *namelessGateway { return &namelessGateway{} }

func (g *namelessGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("send", g.send), websockets.On("rename", g.rename)}
}

// send sends events without a name in all ways, and returns how many of them are no error.
func (g *namelessGateway) send(ctx context.Context, _ struct{}) (accepted int, err error) {
	for _, err := range nameless(ctx, g.Server, websockets.ClientFrom(ctx)) {
		if !errors.Is(err, websockets.ErrNoEvent) {
			accepted++
		}
	}
	return accepted, nil
}

func nameless(ctx context.Context, s *websockets.Server, c websockets.Client) []error {
	errs := []error{
		s.Emit(ctx, "", 1), s.To("room").Emit(ctx, "", 1), s.Local().Emit(ctx, "", 1), c.Emit(ctx, "", 1),
		websockets.NewEvent[int]("").Emit(ctx, c, 1), websockets.NewNodeEvent[int]("").Emit(ctx, s, 1),
	}
	_, err := s.Call(ctx, "", 1)
	_, localErr := s.Local().Call(ctx, "", 1)
	_, clientErr := c.Call(ctx, "", 1)
	return append(errs, err, localErr, clientErr)
}

// rename sends an event whose name an interceptor removes.
func (g *namelessGateway) rename(ctx context.Context, _ struct{}) (bool, error) {
	return errors.Is(g.Server.Emit(ctx, "remove the name", 1), websockets.ErrNoEvent), nil
}

// An event without a name is an error where it is sent, on every platform, and reaches no client: plain
// WebSocket has no form for it, and no handler of a client has its name.
func TestEventWithoutName(t *testing.T) {
	a := apptest.New(t, module.New("nameless", module.Providers(websockets.Gateway(newNamelessGateway,
		websockets.Via(socketio.New()), websockets.Via(ws.New(), websockets.Path("/ws")),
	))), apptest.With(app.UseInterceptors(pipeline.EmitFunc(func(e *pipeline.Emission, next func() error) error {
		if e.Event == "remove the name" {
			e.Event = ""
		}
		return next()
	}))))
	for _, c := range []*apptest.Client{a.DialSocketIO("/"), a.DialWS("/ws")} {
		if n := apptest.Call[int](c, "send", nil); n != 0 {
			t.Errorf("%d events without a name are no error", n)
		}
		if !apptest.Call[bool](c, "rename", nil) {
			t.Error("an event whose name an interceptor removes is no error")
		}
		c.ExpectNone("")
	}
	fake := apptest.NewFakeClient("ada")
	for i, err := range nameless(t.Context(), apptest.NewFakeServer(fake).Server(), fake) {
		if !errors.Is(err, websockets.ErrNoEvent) {
			t.Errorf("of fakes, %d: %v", i, err)
		}
	}
}
