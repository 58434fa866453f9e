package matrix

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Gateway is the server of the matrix. test/js/matrix-server.mjs is the same on npm's
// socket.io.
//
// Namespaces: "/", "/chat", "/rooms/{id}"; "/guarded" accepts clients whose auth has the
// token "secret", and sets their value to "accepted"; "/slow" takes 150 ms to accept a
// client; "/greeting" joins clients to the room "greeted" and emits hello {auth};
// "/shut" emits word "closed today" and disconnects.
//
//	echo x…       acks x…
//	slow          acks value after ms
//	back          emits event with data to the client; spread: data are several arguments
//	count, mix    emits event n times with 0…n-1; mix sends every second one as binary
//	ask           calls the client's event with data, acks the answer, or "no answer" after ms
//	note, log     stores a value under a tag; acks all values of a tag
//	me            acks the server's view of the client
//	set, join, leave
//	cast          broadcasts to (rooms) except (rooms); notMe: without the client
//	poll          calls all clients, acks {answers, all: whether all answered within ms}
//	clients       acks id, rooms and data of all clients
//	all join, all leave, all kick
//	kick          emits word for each of say, then disconnects
//
// Event names are stored under the tag any:<id>, reasons of disconnects under left:<id>.
type Gateway struct {
	Server *websockets.Server `websockets:"server"`

	mu   sync.Mutex
	logs map[string][]jsontext.Value
}

// NewGateway returns a gateway that has stored nothing.
func NewGateway() *Gateway { return &Gateway{logs: map[string][]jsontext.Value{}} }

var value = websockets.NewKey[jsontext.Value]("value")

// spec is the payload of most events.
type spec struct {
	delivery

	To, Except, Rooms []string
	NotMe             bool
	Event             string
	Data              jsontext.Value
	Spread            bool
	MS, N             int
	Tag               string
	Value             jsontext.Value
	Say               []jsontext.Value

	attachments [][]byte
}

// delivery is how an event is sent.
type delivery struct{ Volatile, Uncompressed bool }

// specOf decodes only the text. Nested values and attachments are passed on unchanged.
func specOf(p websockets.Payload) (spec, error) {
	s := spec{attachments: p.Attachments}
	err := websockets.Payload{JSON: p.JSON}.Decode(&s)
	return s, err
}

func (s *spec) payload() websockets.Payload {
	return websockets.Payload{JSON: s.Data, Attachments: s.attachments, Spread: s.Spread}
}

func (s *spec) options() (opts []websockets.EmitOption) {
	if s.Volatile {
		opts = append(opts, websockets.Volatile())
	}
	if s.Uncompressed {
		opts = append(opts, websockets.Uncompressed())
	}
	return opts
}

// on subscribes a handler with a spec payload. A nil result acks nothing.
func on(event string, h func(ctx context.Context, c websockets.Client, s spec) (any, error), opts ...websockets.HandlerOption) websockets.Subscription {
	return websockets.On(event, func(ctx context.Context, p websockets.Payload) (any, error) {
		s, err := specOf(p)
		if err != nil {
			return nil, err
		}
		v, err := h(ctx, websockets.ClientFrom(ctx), s)
		if v == nil {
			v = websockets.Payload{}
		}
		return v, err
	}, opts...)
}

// Subscriptions implements [websockets.Subscriber].
func (g *Gateway) Subscriptions() []websockets.Subscription {
	many := websockets.Background(100)
	return []websockets.Subscription{
		websockets.OnAny(g.any),
		websockets.On("echo", func(_ context.Context, p websockets.Payload) (websockets.Payload, error) { return p, nil }),
		on("slow", g.slow, many),
		on("back", g.back),
		on("count", g.count),
		on("mix", g.count),
		on("ask", g.ask, many),
		on("note", g.note),
		websockets.On("log", g.log),
		websockets.On("me", g.me),
		websockets.Listen("set", g.set),
		websockets.Listen("join", g.join),
		websockets.Listen("leave", g.leave),
		on("cast", g.cast),
		on("poll", g.poll, many),
		on("clients", g.clients),
		on("all join", g.allJoin),
		on("all leave", g.allLeave),
		on("all kick", g.allKick),
		on("kick", g.kick),
	}
}

// HandleConnection does what the namespace is for.
func (g *Gateway) HandleConnection(_ context.Context, c websockets.Client) error {
	switch c.Namespace() {
	case "/greeting":
		if err := c.Join("greeted"); err != nil {
			return err
		}
		return c.Emit(context.Background(), "hello", map[string]any{"auth": jsontext.Value(c.Auth().JSON)})
	case "/shut":
		defer c.Disconnect()
		return c.Emit(context.Background(), "word", "closed today")
	}
	return nil
}

// HandleDisconnect stores the reason.
func (g *Gateway) HandleDisconnect(_ context.Context, c websockets.Client, r websockets.Reason) {
	g.keep("left:"+c.ID(), quoted(string(r.Cause)))
}

func quoted(s string) jsontext.Value {
	v, _ := jsontext.AppendQuote(nil, s)
	return v
}

func (g *Gateway) keep(tag string, v jsontext.Value) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.logs[tag] = append(g.logs[tag], v)
}

func (g *Gateway) any(ctx context.Context, event string, _ websockets.Payload) {
	g.keep("any:"+websockets.ClientFrom(ctx).ID(), quoted(event))
}

func (g *Gateway) note(_ context.Context, _ websockets.Client, s spec) (any, error) {
	g.keep(s.Tag, s.Value)
	return nil, nil
}

func (g *Gateway) log(_ context.Context, tag string) ([]jsontext.Value, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]jsontext.Value{}, g.logs[tag]...), nil
}

func (g *Gateway) slow(ctx context.Context, _ websockets.Client, s spec) (any, error) {
	select {
	case <-time.After(time.Duration(s.MS) * time.Millisecond):
		return s.Value, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *Gateway) back(_ context.Context, c websockets.Client, s spec) (any, error) {
	return nil, c.Emit(context.Background(), s.Event, s.payload(), s.options()...)
}

func (g *Gateway) count(ctx context.Context, c websockets.Client, s spec) (any, error) {
	for i := range s.N {
		var v any = i
		if s.Event == "m" && i%2 == 1 {
			v = []byte{byte(i)}
		}
		if err := c.Emit(ctx, s.Event, v); err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

func (g *Gateway) ask(ctx context.Context, c websockets.Client, s spec) (any, error) {
	if s.MS == 0 {
		s.MS = 10_000
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.MS)*time.Millisecond)
	defer cancel()
	answer, err := c.Call(ctx, s.Event, s.payload())
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer", nil
	}
	return answer, err
}

func (g *Gateway) me(ctx context.Context, names []string) (map[string]any, error) {
	c := websockets.ClientFrom(ctx)
	headers := make([]string, len(names))
	for i, n := range names {
		headers[i] = c.Request().Header.Get(n)
	}
	native, _ := socketio.SocketOf(c)
	data, _ := value.Get(c)
	return map[string]any{
		"id": c.ID(), "namespace": c.Namespace(), "auth": jsontext.Value(c.Auth().JSON),
		"query": c.Request().URL.Query().Get("q"), "headers": headers, "recovered": c.Recovered(),
		"rooms": c.Rooms(), "data": data, "transport": native.Transport(),
	}, nil
}

func (g *Gateway) set(ctx context.Context, v jsontext.Value) error {
	value.Set(websockets.ClientFrom(ctx), v)
	return nil
}

func (g *Gateway) join(ctx context.Context, rooms []string) error {
	return websockets.ClientFrom(ctx).Join(rooms...)
}

func (g *Gateway) leave(ctx context.Context, rooms []string) error {
	websockets.ClientFrom(ctx).Leave(rooms...)
	return nil
}

func (g *Gateway) selected(c websockets.Client, s *spec) websockets.Selection {
	b := g.Server.Of(c.Namespace()).ExceptRooms(s.Except...)
	if len(s.To) > 0 {
		b = b.To(s.To...)
	}
	if s.NotMe {
		b = b.Except(c)
	}
	return b
}

func (g *Gateway) cast(_ context.Context, c websockets.Client, s spec) (any, error) {
	return nil, g.selected(c, &s).Emit(context.Background(), s.Event, s.payload(), s.options()...)
}

func (g *Gateway) poll(ctx context.Context, c websockets.Client, s spec) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.MS)*time.Millisecond)
	defer cancel()
	question := websockets.NewCall[websockets.Payload, any](s.Event)
	got, err := question.CallAll(ctx, g.selected(c, &s), s.payload())
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	answers := make([]any, len(got.Answered))
	for i, a := range got.Answered {
		answers[i] = a.Value
	}
	return map[string]any{"answers": answers, "all": len(got.Missing) == 0}, nil
}

func (g *Gateway) clients(_ context.Context, c websockets.Client, s spec) (any, error) {
	all := []map[string]any{}
	for o := range g.selected(c, &s).Local().Clients() {
		data, _ := value.Get(o)
		all = append(all, map[string]any{"id": o.ID(), "rooms": o.Rooms(), "data": data})
	}
	slices.SortFunc(all, func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	return all, nil
}

func (g *Gateway) allJoin(_ context.Context, c websockets.Client, s spec) (any, error) {
	g.selected(c, &s).Local().Join(s.Rooms...)
	return nil, nil
}

func (g *Gateway) allLeave(_ context.Context, c websockets.Client, s spec) (any, error) {
	g.selected(c, &s).Local().Leave(s.Rooms...)
	return nil, nil
}

func (g *Gateway) allKick(_ context.Context, c websockets.Client, s spec) (any, error) {
	g.selected(c, &s).Local().Disconnect()
	return nil, nil
}

func (g *Gateway) kick(_ context.Context, c websockets.Client, s spec) (any, error) {
	for _, v := range s.Say {
		if err := c.Emit(context.Background(), "word", v); err != nil {
			return nil, err
		}
	}
	c.Disconnect()
	return nil, nil
}

var identity = pipeline.NewIdentity("guard")

// guard is the check of "/guarded".
func guard(_ context.Context, h *websockets.Handshake) error {
	var auth struct{ Token *string }
	if err := h.Auth.Decode(&auth); err != nil {
		return err
	}
	if auth.Token == nil || *auth.Token != "secret" {
		return &websockets.Error{Message: "Bad token", Code: "token", Details: map[string]any{"got": auth.Token}}
	}
	identity.Set(h, *auth.Token) // so that the client can recover
	value.Set(h, quoted("accepted"))
	return nil
}

// delayAdmit is the check of "/slow".
func delayAdmit(ctx context.Context, _ *websockets.Handshake) error {
	select {
	case <-time.After(150 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
