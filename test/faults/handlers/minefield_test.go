package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// note is a payload that names the place of the panic; its own methods are among the places.
type note struct {
	Say string `json:"say"`
}

func (n *note) UnmarshalJSON(b []byte) error {
	type plain note
	if err := json.Unmarshal(b, (*plain)(n)); err != nil {
		return err
	}
	crashAt("UnmarshalJSON", n.Say)
	return nil
}

func (n *note) Validate() error {
	crashAt("Validate", n.Say)
	return nil
}

// bomb panics when it is encoded.
type bomb struct{}

func (bomb) MarshalJSON() ([]byte, error) { crash(); return nil, nil }

// grenade is an error that panics when it is read.
type grenade struct{ when string }

func (g grenade) Error() string { crashAt("Error of an error", g.when); return "hidden" }
func (g grenade) Is(error) bool { crashAt("Is of an error", g.when); return false }
func (g grenade) As(any) bool   { crashAt("As of an error", g.when); return false }
func (g grenade) Unwrap() error { crashAt("Unwrap of an error", g.when); return nil }

// cart is a scoped value of a client.
type cart struct{ asked string }

// minefield is a gateway with every function that users can write, each of which panics when the client requests it.
type minefield struct {
	Server *websockets.Server `websockets:"server"`

	carts, others *websockets.Scoped[*cart]
	open          atomic.Int64 // carts
	connected     atomic.Int64
	left          atomic.Int64
}

func newMinefield() *minefield {
	m := &minefield{}
	scoped := func(place string) *websockets.Scoped[*cart] {
		return websockets.NewScoped(func(_ context.Context, c websockets.Client) (*cart, error) {
			where := asked(c.Request())
			crashAt("constructor of Scoped", where)
			m.open.Add(1)
			return &cart{where}, nil
		}, func(c *cart) {
			m.open.Add(-1)
			crashAt(place, c.asked)
		})
	}
	m.carts, m.others = scoped("closer of Scoped"), scoped("")
	return m
}

type (
	seq = iter.Seq2[websockets.Response[note], error]
	ans = websockets.Response[any]
)

func (m *minefield) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil }),
		websockets.On("on", m.on),
		websockets.Listen("listen", func(ctx context.Context, n note) error { _, err := m.on(ctx, n); return err }),
		websockets.On("background", m.on, websockets.Background(1)),
		websockets.Fallback(func(_ context.Context, _ string, p websockets.Payload) (string, error) {
			crash()
			return "", nil
		}),
		websockets.On("respond", func(context.Context, note) (ans, error) {
			return websockets.Respond[any]("news", bomb{}), nil
		}),
		websockets.Stream("stream", m.stream),
		websockets.On("cart", func(ctx context.Context, _ note) (bool, error) {
			_, err := m.carts.Of(ctx)
			return err == nil, err
		}),
		websockets.OnAny(func(_ context.Context, event string, p websockets.Payload) {
			crashAt(`"look on"`, strings.TrimSuffix(strings.TrimPrefix(string(p.JSON), `{"say":`), `}`))
		}),
	}
}

func (m *minefield) on(ctx context.Context, n note) (any, error) {
	crashAt("handler", n.Say)
	c := websockets.ClientFrom(ctx)
	switch n.Say {
	case "guard's denial", "filter":
		return nil, &websockets.Error{Message: "public"}
	case "Details of a public error":
		return nil, &websockets.Error{Message: "public", Details: bomb{}}
	case "Body of a public error":
		return nil, &websockets.Error{Message: "public", Body: bomb{}}
	case "result":
		return bomb{}, nil
	case "Emit":
		return nil, c.Emit(ctx, "news", bomb{})
	case "broadcast":
		return nil, m.Server.To("all").Emit(ctx, "news", bomb{})
	case "interceptor of emits", "interceptor of emits, broadcast":
		to := websockets.Emitter(c)
		if strings.HasSuffix(n.Say, "broadcast") {
			to = m.Server
		}
		return nil, to.Emit(ctx, "news", n)
	case "nil":
		panic(nil) //nolint:govet // what is tested
	case "an error for clients":
		panic(&websockets.Error{Message: "must not be sent"})
	}
	return m.failing(n.Say)
}

// failing returns the errors that are invalid themselves.
func (m *minefield) failing(say string) (any, error) {
	if strings.HasSuffix(say, " of an error") {
		return nil, grenade{say}
	}
	if say == "no error at all" {
		return nil, (*websockets.Error)(nil) // not nil: it has a type
	}
	return "fine", nil
}

func (m *minefield) stream(_ context.Context, n note) seq {
	crashAt("stream", n.Say)
	return func(yield func(websockets.Response[note], error) bool) {
		if !yield(websockets.Respond("item", note{"first"}), nil) {
			return
		}
		crashAt("stream, after an item", n.Say)
		yield(websockets.Respond("item", n), nil)
	}
}

func (m *minefield) AfterInit(context.Context, *websockets.Server) error { return nil }

func (m *minefield) HandleConnection(ctx context.Context, c websockets.Client) error {
	m.connected.Add(1)
	where := asked(c.Request())
	if err := c.Join("all"); err != nil {
		return err
	}
	if _, err := m.others.Of(ctx); err != nil {
		return err
	}
	if _, err := m.carts.Of(ctx); err != nil {
		return err
	}
	crashAt("HandleConnection", where)
	if where == "HandleConnection: no error at all" {
		return (*websockets.Error)(nil)
	}
	if where == "HandleConnection: Unwrap of an error" {
		return grenade{"Unwrap of an error"}
	}
	return c.Emit(ctx, "hello", c.ID())
}

func (m *minefield) HandleDisconnect(_ context.Context, c websockets.Client, _ websockets.Reason) {
	m.left.Add(1)
	crashAt("HandleDisconnect", asked(c.Request()))
}

// sentry has every function of the pipeline.
type sentry struct{}

// placeOf returns the place at which the payload or the handshake requests a panic.
func placeOf(c *pipeline.Call) string {
	if c.Kind != pipeline.KindMessage {
		return asked(c.Request)
	}
	var n struct{ Say string }
	if c.Pattern != "echo" {
		_ = c.Payload.Decode(&n)
	}
	return n.Say
}

func (sentry) Check(ctx context.Context, c *pipeline.Call) error {
	where := placeOf(c)
	crashAt("guard", where)
	switch where {
	case "interceptor of denials":
		return pipeline.ErrForbidden
	case "guard: no error at all":
		return (*pipeline.Error)(nil)
	case "filter":
		if c.Kind != pipeline.KindMessage {
			return errors.New("for the filter")
		}
	case "guard: Unwrap of an error":
		return grenade{"Unwrap of an error"}
	case "OnConnected":
		if h := websockets.HandshakeFrom(ctx); h != nil {
			h.OnConnected(func(websockets.Client) { crash() })
		}
	}
	return nil
}

func (sentry) CheckHandshake(_ context.Context, c *pipeline.Call) error {
	crashAt("guard of requests", asked(c.Request))
	return nil
}

func (sentry) Intercept(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
	crashAt("interceptor, before", placeOf(c))
	v, err := next(ctx)
	crashAt("interceptor, after", placeOf(c))
	return v, err
}

func (sentry) InterceptItem(_ context.Context, c *pipeline.Call, item any) (any, error) {
	crashAt("interceptor of items", placeOf(c))
	return item, nil
}

func (sentry) InterceptDenial(_ context.Context, c *pipeline.Call, _ error) error {
	crashAt("interceptor of denials", placeOf(c))
	return nil
}

func (sentry) InterceptEmit(e *pipeline.Emission, next func() error) error {
	if n, ok := e.Data.(note); ok {
		crashAt("interceptor of emits", strings.TrimSuffix(n.Say, ", broadcast"))
	}
	return next()
}

func (sentry) Transform(_ context.Context, c *pipeline.Call, _ any) error {
	crashAt("pipe", placeOf(c))
	return nil
}

func (sentry) Catch(_ context.Context, c *pipeline.Call, _ error) *pipeline.Error {
	crashAt("filter", placeOf(c))
	return nil
}

// field is a running minefield, with a client that does nothing wrong.
type field struct {
	*minefield

	p       platform
	app     *apptest.App
	log     *testkit.Log
	witness *apptest.Client
}

func newField(t *testing.T, p platform) *field {
	t.Helper()
	f := &field{minefield: newMinefield(), p: p, log: &testkit.Log{}}
	s := sentry{}
	f.app = apptest.New(t, module.New("field", module.Providers(websockets.Gateway(func() *minefield { return f.minefield },
		websockets.UseGuards(s), websockets.UseInterceptors(s), websockets.UsePipes(s), websockets.UseFilters(s),
		websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
			crashAt("Admit", asked(h.Request))
			return nil
		}),
	))), apptest.With(app.WebSockets(p.adapter()), logTo(f.log), app.LogLines(-1)))
	f.witness = p.enter(t, f.app)
	apptest.Expect[string](f.witness, "hello")
	return f
}

// quiet checks that only the witness is connected, and that it is served.
func (f *field) quiet(t *testing.T) {
	t.Helper()
	echoes(t, f.witness)
	testkit.Eventually(t, "nothing is left of the client", func() bool {
		return f.Server.Local().Len() == 1 && f.Server.To("all").Local().Len() == 1 && f.open.Load() == 2 &&
			f.connected.Load() == f.left.Load()+1
	})
	other := f.p.enter(t, f.app)
	echoes(t, other)
	other.Close()
	testkit.Eventually(t, "the other has left", func() bool { return f.Server.Local().Len() == 1 && f.connected.Load() == f.left.Load()+1 })
}
