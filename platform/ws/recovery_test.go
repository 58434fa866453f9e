package ws_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var offerV1 = apptest.WithSubprotocols("gatehouse.v1")

// news sends numbers to a room that clients join when they are new.
type news struct {
	Server *websockets.Server `websockets:"server"`

	left chan websockets.Reason
}

func newNews() *news { return &news{left: make(chan websockets.Reason, 1000)} }

func (g *news) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("recovered", func(ctx context.Context, _ struct{}) (bool, error) {
			return websockets.ClientFrom(ctx).Recovered(), nil
		}),
		websockets.On("id", func(ctx context.Context, _ struct{}) (string, error) {
			return websockets.ClientFrom(ctx).ID(), nil
		}),
		websockets.On("offers", func(ctx context.Context, _ struct{}) ([]string, error) {
			return websockets.ClientFrom(ctx).Request().Header["Sec-Websocket-Protocol"], nil
		}),
	}
}

func (g *news) HandleConnection(_ context.Context, c websockets.Client) error {
	if c.Recovered() {
		return nil
	}
	return c.Join("readers")
}

func (g *news) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	g.left <- r
}

// publish sends numbers to the room.
func (g *news) publish(t testing.TB, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := g.Server.To("readers").Emit(t.Context(), "n", n); err != nil {
			t.Fatal(err)
		}
	}
}

// start starts the application; it is recovered with the options.
func (g *news) start(t testing.TB, r ws.Recovery, opts ...websockets.Option) *apptest.App {
	t.Helper()
	return apptest.New(t, module.New("news", module.Providers(websockets.Gateway(func() *news { return g }, opts...))),
		apptest.With(app.WebSockets(ws.New(ws.Options{Recovery: &r, ExplainRefusals: ws.On}))))
}

func expect(t testing.TB, c *apptest.Client, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if got := apptest.Expect[int](c, "n"); got != n {
			t.Fatalf("got %d, want %d", got, n)
		}
	}
}

// isRecovered checks whether back is the client that c was.
func isRecovered(t testing.TB, c, back *apptest.Client, want bool) {
	t.Helper()
	if got := apptest.Call[bool](back, "recovered"); got != want || (c.ID() == back.ID()) != want || apptest.Call[string](back, "id") != back.ID() {
		t.Fatalf("recovered %t, %s after %s; want %t", got, back.ID(), c.ID(), want)
	}
}

// ready waits until the client's HandleConnection has returned.
func ready(c *apptest.Client) { apptest.Call[string](c, "id") }

func (g *news) gone(t testing.TB) websockets.Reason {
	t.Helper()
	return testkit.Receive(t, "HandleDisconnect", g.left)
}

func TestRecovery(t *testing.T) {
	g := newNews()
	a := g.start(t, ws.Recovery{})
	c := a.DialWS("/", offerV1)
	ready(c)
	g.publish(t, 0, 3)
	expect(t, c, 0, 3)
	for round := range 3 { // also of what has been recovered
		from := 3 + 4*round
		c.Abort()
		g.gone(t)
		g.publish(t, from, from+2)
		back := a.DialWS("/", apptest.WithRecovery(c))
		g.publish(t, from+2, from+4)
		expect(t, back, from, from+4)
		isRecovered(t, c, back, true)
		c = back
	}
}

// A client that has received nothing, and one that has read nothing new, resume too.
func TestRecoveryWithoutEvents(t *testing.T) {
	g := newNews()
	a := g.start(t, ws.Recovery{})
	c := a.DialWS("/", offerV1)
	ready(c)
	for range 3 {
		c.Abort()
		g.gone(t)
		back := a.DialWS("/", apptest.WithRecovery(c))
		isRecovered(t, c, back, true)
		c = back
	}
	c.Abort()
	g.gone(t)
	g.publish(t, 0, 2)
	c = a.DialWS("/", apptest.WithRecovery(c))
	expect(t, c, 0, 2)
}

// A client reconnects before the server has noticed the loss of its connection.
func TestRecoveryOfAConnectionThatStands(t *testing.T) {
	g := newNews()
	a := g.start(t, ws.Recovery{})
	c := a.DialWS("/", offerV1)
	ready(c)
	g.publish(t, 0, 1)
	expect(t, c, 0, 1)
	back := a.DialWS("/", apptest.WithRecovery(c))
	isRecovered(t, c, back, true)
	g.publish(t, 1, 3)
	expect(t, back, 1, 3)
	if r := g.gone(t); r.Cause != websockets.CauseTransportClose {
		t.Errorf("the old connection has ended with %v", r)
	}
}

// What ends a client on purpose is final, and so is what takes too long or is too much.
func TestRecoveryIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		opts ws.Recovery
		end  func(t *testing.T, a *apptest.App, g *news, c *apptest.Client)
	}{
		"the client has closed it": {ws.Recovery{}, func(t *testing.T, _ *apptest.App, g *news, c *apptest.Client) {
			c.Close()
			g.gone(t)
		}},
		"the server has closed it": {ws.Recovery{}, func(t *testing.T, _ *apptest.App, g *news, c *apptest.Client) {
			if err := g.Server.Disconnect(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.ExpectClose()
			g.gone(t)
		}},
		"it has missed too much": {ws.Recovery{MaxBytes: 1000}, func(t *testing.T, _ *apptest.App, g *news, c *apptest.Client) {
			c.Abort()
			g.gone(t)
			g.publish(t, 0, 20)
		}},
		"it was away for too long": {ws.Recovery{MaxDisconnection: time.Nanosecond}, func(t *testing.T, a *apptest.App, g *news, c *apptest.Client) {
			c.Abort()
			g.gone(t)
			testkit.Eventually(t, "it is gone", func() bool { return g.Server.Local().Len() == 0 && a.App().Stats().Endpoints[0].Suspended == 0 })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newNews()
			a := g.start(t, tt.opts)
			c := a.DialWS("/", offerV1)
			ready(c)
			tt.end(t, a, g, c)
			back := a.DialWS("/", apptest.WithRecovery(c))
			isRecovered(t, c, back, false)
			g.publish(t, 100, 101)
			expect(t, back, 100, 101)
		})
	}
}

// A client without the subprotocol is a new one each time, and its events have no position.
func TestRecoveryWithoutTheSubprotocol(t *testing.T) {
	g := newNews()
	a := g.start(t, ws.Recovery{})
	c := a.DialWS("/")
	ready(c)
	g.publish(t, 7, 8)
	c.Raw().Expect(`{"event":"n","data":7}`)
	c.Abort()
	g.gone(t)
	if n := g.Server.Local().Len(); n != 0 {
		t.Errorf("%d clients are left", n)
	}
}

// Answers, volatile events and calls have no position and are not sent again.
func TestRecoveryKeepsEvents(t *testing.T) {
	g := newNews()
	a := g.start(t, ws.Recovery{})
	c := a.DialWS("/", offerV1)
	ready(c)
	c.Raw().Text(`{"event":"recovered"}`)
	c.Raw().Expect(`{"event":"recovered","data":false}`)
	testkit.Eventually(t, "a volatile event", func() bool { // it is dropped while anything else waits
		if err := g.Server.Emit(t.Context(), "v", 1, websockets.Volatile()); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(c.Raw().Frames(), `{"event":"v","data":1}`)
	})
	g.publish(t, 0, 1)
	c.Raw().ExpectPrefix(`{"event":"n","data":0,"pos":"`)
	c.Abort()
	g.gone(t)
	if err := g.Server.Emit(t.Context(), "v", 2, websockets.Volatile()); err != nil {
		t.Fatal(err)
	}
	g.publish(t, 1, 2)
	back := a.DialWS("/", apptest.WithRecovery(c))
	expect(t, back, 1, 2)
	back.ExpectNone("v")
}

// The application does not see the private id.
func TestRecoveryHidesTheKey(t *testing.T) {
	g := newNews()
	a := g.start(t, ws.Recovery{})
	c := a.DialWS("/", offerV1)
	ready(c)
	c.Abort()
	g.gone(t)
	back := a.DialWS("/", apptest.WithRecovery(c), apptest.WithSubprotocols("gatehouse.v1", "bearer"))
	if got := apptest.Call[[]string](back, "offers"); len(got) != 1 || got[0] != "gatehouse.v1, bearer" {
		t.Errorf("the request has %q", got)
	}
}

var user = pipeline.NewIdentity("user")

// Guards run again, and only the same client is recovered: another one, and one that is refused, do not change what
// is kept.
func TestRecoveryOfTheSameClient(t *testing.T) {
	g := newNews()
	identify := websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
		name := h.Request.URL.Query().Get("user")
		if name == "" {
			return &websockets.Error{Message: "No user", Status: 401}
		}
		user.Set(h, name)
		return nil
	})
	a := g.start(t, ws.Recovery{}, identify)
	c := a.DialWS("/?user=ann", offerV1)
	ready(c)
	c.Abort()
	g.gone(t)
	g.publish(t, 0, 1)
	bob := a.DialWS("/?user=bob", apptest.WithRecovery(c))
	isRecovered(t, c, bob, false)
	if _, err := apptest.TryDialWS(t, a.URL(), apptest.WithRecovery(c)); err == nil {
		t.Error("accepted without a user")
	}
	back := a.DialWS("/?user=ann", apptest.WithRecovery(c))
	isRecovered(t, c, back, true)
	expect(t, back, 0, 1)
}

// A client resumes at the path at which it was: guards have let it into another room than that of another path.
func TestRecoveryAtAnotherPath(t *testing.T) {
	g := newNews()
	a := g.start(t, ws.Recovery{}, websockets.Path("/rooms/{room}"))
	c := a.DialWS("/rooms/a", offerV1)
	ready(c)
	c.Abort()
	g.gone(t)
	other := a.DialWS("/rooms/b", apptest.WithRecovery(c))
	isRecovered(t, c, other, false)
	back := a.DialWS("/rooms/a", apptest.WithRecovery(c))
	isRecovered(t, c, back, true)
}
