package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func doorTests() []test {
	return []test{
		{"law 6: guards refuse with status, message and data", testGuardRefuses},
		{"law 6: a guard that fails keeps its error to itself", testGuardFails},
		{"law 6: what a guard learns reaches hooks and handlers, and is gone after", testGuardValues},
		{"law 6: the guards of the application are asked once, those of each gateway", testDoorOrder},
		{"law 6: filters answer refusals and HandleConnection", testDoorFilters},
		{"law 6: OnConnected comes before HandleConnection", testOnConnected},
		{"constructors are resolved in the gateway's module", testConstructors},
		{"constructors that cannot be resolved are boot errors", testConstructorProblems},
		{"interceptors of what the server emits", testEmitInterceptors},
	}
}

func testGuardRefuses(t *testing.T, s *suite) {
	tr := newTrail()
	g := &gate{
		subs:    []websockets.Subscription{echo()},
		connect: func(context.Context, websockets.Client) error { tr.add("connect"); return nil },
		leave:   func(context.Context, websockets.Client, websockets.Reason) { tr.add("leave") },
	}
	g.opts = []websockets.Option{websockets.UseGuards(func(_ context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get("X-User") == "ann" {
			return nil
		}
		return &pipeline.Error{Message: "Not you", Code: "not_you", Status: 401, Details: map[string]int{"wait": 7}}
	})}
	a := s.start(t, g)
	e := s.refused(t, a, s.root())
	said := []byte(e.Data)
	if !s.traits.Namespaces {
		said = e.Body
		if e.Status != 401 {
			t.Errorf("status %d, want 401", e.Status)
		}
	}
	if e.Message != "Not you" {
		t.Errorf("message %q", e.Message)
	}
	has(t, string(said), `"not_you"`, `"wait":7`)
	tr.want(t)
	c := s.dial(t, a, apptest.WithHeader(map[string][]string{"X-User": {"ann"}}))
	alive(t, c)
	tr.want(t, "connect")
}

func testGuardFails(t *testing.T, s *suite) {
	for name, guard := range map[string]pipeline.GuardFunc{
		"error": func(context.Context, *pipeline.Call) error { return errors.New("password of the database") },
		"panic": func(context.Context, *pipeline.Call) error { crash(); return nil },
	} {
		var log journal
		e := s.refused(t, s.startWith(t, []*gate{gateOf(echo())}, log.option(), app.UseGuards(guard)), s.root())
		if e.Message != "Internal server error" {
			t.Errorf("%s: message %q", name, e.Message)
		}
		if n := len(log.lines("a check before the handshake failed", "gateway=")); n != 1 {
			t.Errorf("%s: logged %d times", name, n)
		}
	}
}

func testGuardValues(t *testing.T, s *suite) {
	inHook := make(chan string, 1)
	atEnd := make(chan string, 1)
	g := &gate{
		subs: []websockets.Subscription{websockets.On("who", func(ctx context.Context, _ struct{}) (string, error) {
			user, _ := userKey.From(ctx)
			return user, nil
		})},
		connect: func(ctx context.Context, c websockets.Client) error {
			user, _ := userKey.Get(c)
			inHook <- user
			return nil
		},
		leave: func(_ context.Context, c websockets.Client, _ websockets.Reason) {
			user, _ := userKey.Get(c)
			atEnd <- user
		},
	}
	g.opts = []websockets.Option{websockets.UseGuards(pipeline.Only(pipeline.GuardFunc(func(ctx context.Context, c *pipeline.Call) error {
		if websockets.HandshakeFrom(ctx) == nil {
			t.Error("a guard of a connection has no handshake")
		}
		userKey.Set(c, "user "+c.Request.Header.Get("X-User"))
		return nil
	}), pipeline.KindConnect))}
	a := s.start(t, g)
	c := s.dial(t, a, apptest.WithHeader(map[string][]string{"X-User": {"ann"}}))
	if got := get(t, inHook, "HandleConnection"); got != "user ann" {
		t.Errorf("HandleConnection sees %q", got)
	}
	if got := apptest.Call[string](c, "who"); got != "user ann" {
		t.Errorf("the handler sees %q", got)
	}
	c.Close()
	if got := get(t, atEnd, "HandleDisconnect"); got != "user ann" {
		t.Errorf("HandleDisconnect sees %q", got)
	}
}

func testDoorOrder(t *testing.T, s *suite) {
	tr := newTrail()
	guard := func(name string) pipeline.GuardFunc {
		return func(_ context.Context, c *pipeline.Call) error {
			if c.Kind == pipeline.KindConnect {
				tr.add(name)
			}
			return nil
		}
	}
	first, second, third := gateOf(echo()), gateOf(), gateOf()
	second.connect = func(context.Context, websockets.Client) error { return nil }
	third.connect = second.connect
	first.opts = []websockets.Option{websockets.UseGuards(guard("first"))}
	second.opts = []websockets.Option{websockets.UseGuards(guard("second")), websockets.Admit(func(context.Context, *websockets.Handshake) error {
		tr.add("admit")
		return nil
	})}
	third.opts = []websockets.Option{websockets.Meta(rolesKey.With([]string{"admin"}))}
	a := s.startWith(t, []*gate{first, second, third}, app.UseGuards(guard("global")))
	alive(t, s.dial(t, a))
	// Once more for the third, which looks to guards like no other.
	tr.want(t, "global", "first", "second", "admit", "global")
}

func testDoorFilters(t *testing.T, s *suite) {
	errBanned := errors.New("banned")
	answer := &pipeline.Error{Message: "Go away", Code: "banned", Status: 429}
	filter := websockets.UseFilters(pipeline.FilterIs(errBanned, answer))

	g := gateOf(echo())
	g.opts = []websockets.Option{filter, websockets.UseGuards(func(context.Context, *pipeline.Call) error { return errBanned })}
	e := s.refused(t, s.start(t, g), s.root())
	if e.Message != "Go away" || !s.traits.Namespaces && e.Status != 429 {
		t.Errorf("refused with %+v", e)
	}

	g = gateOf(echo())
	g.opts = []websockets.Option{filter}
	g.connect = func(context.Context, websockets.Client) error { return errBanned }
	c := s.dial(t, s.start(t, g))
	if e := apptest.Expect[apptest.Exception](c, "exception"); e.Message != "Go away" || e.Code != "banned" {
		t.Errorf("told %+v", e)
	}
}

func testOnConnected(t *testing.T, s *suite) {
	tr := newTrail()
	g := gateOf(echo())
	g.connect = func(context.Context, websockets.Client) error { tr.add("HandleConnection"); return nil }
	g.opts = []websockets.Option{websockets.UseGuards(pipeline.Only(pipeline.GuardFunc(func(ctx context.Context, _ *pipeline.Call) error {
		websockets.HandshakeFrom(ctx).OnConnected(func(websockets.Client) { tr.add("broken"); crash() })
		websockets.HandshakeFrom(ctx).OnConnected(func(c websockets.Client) {
			tr.add("connected")
			context.AfterFunc(c.Context(), func() { tr.add("left") })
		})
		return nil
	}), pipeline.KindConnect))}
	_, c := s.solo(t, g)
	alive(t, c)
	c.Close()
	tr.want(t, "broken", "connected", "HandleConnection", "left")
}

// ledger is what a guard injects.
type ledger struct{ tr *trail }

// bookkeeper is a guard that a module builds.
type bookkeeper struct {
	name string
	l    *ledger
}

func (b *bookkeeper) Check(_ context.Context, c *pipeline.Call) error {
	b.l.tr.add(b.name + " " + string(c.Kind))
	return nil
}

type archivist struct{ *bookkeeper }

func newBookkeeper(l *ledger) *bookkeeper { return &bookkeeper{"bookkeeper", l} }
func newArchivist(l *ledger) *archivist   { return &archivist{&bookkeeper{"archivist", l}} }

func testConstructors(t *testing.T, s *suite) {
	tr := newTrail()
	g := gateOf(echo())
	root := module.New("root", module.Providers(
		module.Value(&ledger{tr}),
		websockets.Gateway(func() *gate { return g },
			websockets.UseGuards(newBookkeeper),
			websockets.ForEvent("echo", websockets.UseGuards(newArchivist, func(_ context.Context, c *pipeline.Call) error {
				tr.add("function " + string(c.Kind))
				return nil
			})),
		),
		app.Global(func(l *ledger) *archivist { return &archivist{&bookkeeper{"provided", l}} }),
	))
	a := apptest.New(t, root, apptest.With(app.WebSockets(s.cfg.New()),
		app.UseGuards(func(l *ledger) *bookkeeper { return &bookkeeper{"global", l} })))
	alive(t, s.dial(t, a))
	tr.want(t,
		"global connect", "provided connect", "bookkeeper connect",
		"global message", "provided message", "bookkeeper message", "archivist message", "function message")
}

func testConstructorProblems(t *testing.T, s *suite) {
	type nobody struct{}
	gateway := func(subs []websockets.Subscription, opts ...websockets.Option) *module.Module {
		g := gateOf(subs...)
		return module.New("root", module.Providers(websockets.Gateway(func() *gate { return g }, opts...)))
	}
	plain := []websockets.Subscription{echo()}
	handler := func(_ context.Context, n int) (int, error) { return n, nil }
	late := gateOf(echo())
	late.late = func() []websockets.Option { return []websockets.Option{websockets.UseGuards(newBookkeeper)} }
	for _, c := range []struct {
		what string
		root *module.Module
		opts []app.Option
		want []string
	}{
		{"what it needs is missing", gateway(plain, websockets.UseGuards(newBookkeeper)), nil, []string{"newBookkeeper", "needs *adaptertest.ledger", "not available"}},
		{"no guard at all", gateway(plain, websockets.UseGuards(7)), nil, []string{"guard 1 is a int", "Check("}},
		{"nil", gateway(plain, websockets.UsePipes(nil)), nil, []string{"pipe 1 is nil"}},
		{"a constructor of something else", gateway(plain, websockets.UseGuards(func() *nobody { return nil })), nil, []string{"guard 1", "neither a guard nor a constructor"}},
		{"at a handler", gateway([]websockets.Subscription{websockets.On("e", handler, websockets.UseGuards(newBookkeeper))}), nil, []string{`subscription "e"`, "guard 1", "cannot be called any more"}},
		{"from GatewayOptions", modules(late), nil, []string{"guard 1", "cannot be called any more"}},
		{"an event that nobody handles", gateway(plain, websockets.ForEvent("typo", websockets.UseGuards(pipeline.GuardFunc(nil)))), nil, []string{"guard 1 is a nil"}},
		{"an event that nobody handles", gateway(plain, websockets.ForEvent("typo")), nil, []string{`ForEvent("typo")`, "does not handle"}},
		{"global", gateway(plain), []app.Option{app.UseFilters(struct{}{})}, []string{"app: filter 1 is a struct {}"}},
		{"provided", module.New("root", module.Providers(app.Global(func() *nobody { return nil }))), nil, []string{"app: Global", "no guard, interceptor, pipe or filter"}},
		{"what a global one needs", gateway(plain), []app.Option{app.UseGuards(newBookkeeper)}, []string{"needs *adaptertest.ledger"}},
	} {
		err := s.boot(t, c.root, append([]app.Option{app.HTTP("127.0.0.1:0")}, c.opts...)...)
		t.Logf("%s: %v", c.what, err)
		has(t, err.Error(), c.want...)
	}
}

func testEmitInterceptors(t *testing.T, s *suite) {
	tr := newTrail()
	see := func(name string) pipeline.Interceptor {
		return pipeline.EmitFunc(func(e *pipeline.Emission, next func() error) error {
			to := "all"
			if e.Client != nil {
				to = "one"
			}
			for _, r := range e.Rooms {
				to = r
			}
			tr.add(name + " " + e.Event + " to " + to)
			return next()
		})
	}
	change := pipeline.EmitFunc(func(e *pipeline.Emission, next func() error) error {
		switch e.Event {
		case "secret":
			return nil
		case "forbidden":
			return errors.New("no")
		case "broken":
			crash()
		case "number":
			e.Data = e.Data.(int) + 1
		}
		return next()
	})
	g := gateOf(echo(),
		websockets.On("reply", func(_ context.Context, n int) (int, error) { return n, nil }),
		websockets.On("respond", func(_ context.Context, n int) (websockets.Response[int], error) {
			return websockets.Respond("number", n), nil
		}),
		websockets.Listen("send", func(ctx context.Context, n int) error {
			c := websockets.ClientFrom(ctx)
			if err := c.Emit("secret", n); err != nil {
				t.Errorf("an event that is dropped gives %v", err)
			}
			for _, event := range []string{"forbidden", "broken"} {
				if err := c.Emit(event, n); err == nil {
					t.Errorf("%s gives no error", event)
				}
			}
			return c.Join("room")
		}),
	)
	g.opts = []websockets.Option{websockets.UseInterceptors(see("gateway"), change)}
	a := s.startWith(t, []*gate{g}, app.UseInterceptors(see("global")))
	c := s.dial(t, a)
	c.OnCall("question", func(json.RawMessage) any { return "answer" })
	c.Call("send", 1)
	if got := apptest.Call[int](c, "reply", 5); got != 5 {
		t.Errorf("replied %d", got)
	}
	c.Call("respond", 5)
	if got := apptest.Expect[int](c, "number"); got != 6 {
		t.Errorf("a Response became %d", got)
	}
	if err := g.Server.To("room").Emit("number", 7); err != nil {
		t.Fatal(err)
	}
	if got := apptest.Expect[int](c, "number"); got != 8 {
		t.Errorf("a broadcast became %d", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answers, err := g.Server.Call(ctx, "question", 1)
	if err != nil || len(answers.Answered) != 1 || string(answers.Answered[0].Value.JSON) != `"answer"` {
		t.Errorf("answers %+v, %v", answers, err)
	}
	tr.want(t,
		"global secret to one", "gateway secret to one", "global forbidden to one", "gateway forbidden to one",
		"global broken to one", "gateway broken to one", "global number to one", "gateway number to one",
		"global number to room", "gateway number to room", "global question to all", "gateway question to all")
}
