package pooled_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type gateway struct{}

func newGateway() *gateway { return &gateway{} }

func (*gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("say", func(_ context.Context, text string) (string, error) { return text, nil }),
	}
}

// dial starts an application with one gateway, and connects a client.
func dial(t *testing.T, platform adapter.Adapter, opts ...websockets.Option) *apptest.Client {
	t.Helper()
	a := apptest.New(t, module.New("pooled", module.Providers(websockets.Gateway(newGateway, opts...))),
		apptest.With(app.WebSockets(platform)))
	if platform.Name() == "ws" {
		return a.DialWS("/")
	}
	return a.DialSocketIO("/")
}

func platforms() map[string]adapter.Adapter {
	return map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New()}
}

// TestField_X17_DecodedInAGuard: What a guard decodes into json.RawMessage or a Payload stays as it is when the memory of
// the message is used for the next one.
func TestField_X17_DecodedInAGuard(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			var raws []json.RawMessage
			var payloads []websockets.Payload
			guard := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
				if c.Kind != pipeline.KindMessage {
					return nil
				}
				var raw json.RawMessage
				var p websockets.Payload
				if err := c.Payload.Decode(&raw); err != nil {
					return err
				}
				if err := c.Payload.Decode(&p); err != nil {
					return err
				}
				raws, payloads = append(raws, raw), append(payloads, p)
				return nil
			})
			c := dial(t, platform, websockets.UseGuards(guard))
			const n = 200
			text := func(i int) string { return fmt.Sprint(i) + strings.Repeat("x", 100) }
			for i := range n {
				if got := apptest.Call[string](c, "say", text(i)); got != text(i) {
					t.Fatalf("answered %q", got)
				}
			}
			for i := range n {
				want := `"` + text(i) + `"`
				if string(raws[i]) != want || string(payloads[i].JSON) != want {
					t.Fatalf("message %d: the guard has %s and %s, want %s", i, raws[i], payloads[i].JSON, want)
				}
			}
		})
	}
}

// TestField_X18_NextAfterTheEnd: An interceptor that calls next after it has returned gets an error; the handler does not
// run again.
func TestField_X18_NextAfterTheEnd(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			late := make(chan func() error, 1)
			c := dial(t, platform, websockets.UseInterceptors(pipeline.InterceptorFunc(
				func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
					select {
					case late <- func() error { _, err := next(ctx); return err }:
					default:
						t.Error("the interceptor ran again")
					}
					return next(ctx)
				})))
			if got := apptest.Call[string](c, "say", "once"); got != "once" {
				t.Errorf("answered %q", got)
			}
			again := testkit.Receive(t, "next", late)
			if err := again(); err == nil || !strings.Contains(err.Error(), "before Intercept returns") {
				t.Errorf("next returns %v", err)
			}
		})
	}
}
