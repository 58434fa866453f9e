package handlers_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// internal is the text that clients get for masked errors.
const internal = "Internal server error"

// crash panics, like a bug in an application.
func crash() { _ = strings.Repeat("x", -1) }

// crashAt panics if the test requested it for the place here.
func crashAt(here, asked string) {
	if here == asked {
		crash()
	}
}

// platform is a protocol with the client that speaks it.
type platform struct {
	name    string
	adapter func() adapter.Adapter
	dial    func(t testing.TB, url string, opts ...apptest.DialOption) (*apptest.Client, error)
}

func platforms() []platform {
	return []platform{
		{"ws", func() adapter.Adapter { return ws.New() }, apptest.TryDialWS},
		{"socketio", func() adapter.Adapter { return socketio.New() }, apptest.TryDialSocketIO},
	}
}

// onEach runs a test on each platform.
func onEach(t *testing.T, test func(t *testing.T, p platform)) {
	t.Helper()
	for _, p := range platforms() {
		t.Run(p.name, func(t *testing.T) { test(t, p) })
	}
}

// mayDial is dial for clients that may be refused.
func (p platform) mayDial(t testing.TB, a *apptest.App, opts ...apptest.DialOption) (*apptest.Client, error) {
	return p.dial(t, a.URL(), append([]apptest.DialOption{apptest.WithTimeout(testkit.Patience)}, opts...)...)
}

// enter connects a client.
func (p platform) enter(t testing.TB, a *apptest.App, opts ...apptest.DialOption) *apptest.Client {
	t.Helper()
	c, err := p.mayDial(t, a, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// asking returns a header that names a place; see crashAt.
func asking(place string) apptest.DialOption {
	return apptest.WithHeader(http.Header{"X-Crash": {place}})
}

func asked(r *http.Request) string { return r.Header.Get("X-Crash") }

// logTo makes an application log to l.
func logTo(l *testkit.Log) app.Option { return app.Logger(l.Logger(slog.LevelInfo)) }

// hooks is a gateway with the hooks and handlers of a test.
type hooks struct {
	Server *websockets.Server `websockets:"server"`

	subs    []websockets.Subscription
	connect func(context.Context, websockets.Client) error
	leave   func(context.Context, websockets.Client, websockets.Reason)
}

func (h *hooks) Subscriptions() []websockets.Subscription {
	return append([]websockets.Subscription{
		websockets.On("echo", func(_ context.Context, text string) (string, error) { return text, nil }),
	}, h.subs...)
}

func (h *hooks) HandleConnection(ctx context.Context, c websockets.Client) error {
	if h.connect == nil {
		return nil
	}
	return h.connect(ctx, c)
}

func (h *hooks) HandleDisconnect(ctx context.Context, c websockets.Client, r websockets.Reason) {
	if h.leave != nil {
		h.leave(ctx, c, r)
	}
}

// start runs an application with one gateway, and returns its log as the second value.
func start(t *testing.T, p platform, h *hooks, opts ...websockets.Option) (*apptest.App, *testkit.Log) {
	t.Helper()
	log := &testkit.Log{}
	a := apptest.New(t, module.New("test", module.Providers(websockets.Gateway(func() *hooks { return h }, opts...))),
		apptest.With(app.WebSockets(p.adapter()), logTo(log)))
	return a, log
}

// echoes checks that a client is served.
func echoes(t testing.TB, c *apptest.Client) {
	t.Helper()
	if got := apptest.Call[string](c, "echo", "hi"); got != "hi" {
		t.Errorf("the echo is %q", got)
	}
}

// refusalOf returns the refusal of a dial.
func refusalOf(t testing.TB, err error) *apptest.DialError {
	t.Helper()
	refused, ok := errors.AsType[*apptest.DialError](err)
	if !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	return refused
}

// saying returns handlers that answer with their payload, or emit it.
func saying() []websockets.Subscription {
	say := func(ctx context.Context, text string) (string, error) {
		if strings.HasPrefix(text, "emit") {
			return "", websockets.ClientFrom(ctx).Emit(ctx, "said", text)
		}
		return text, nil
	}
	return []websockets.Subscription{
		websockets.On("say", say),
		websockets.On("background", say, websockets.Background(4)),
	}
}
