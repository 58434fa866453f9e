package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var connectPipelineTests = []test{
	{"law 6: guards reject with status, message and data", testGuardRejects},
	{"law 6: unknown errors of a guard stay hidden", testGuardFails},
	{"law 6: hooks and handlers see values set by a guard", testGuardValues},
	{"law 6: guards of the application run once, then those of each gateway", testConnectGuardOrder},
	{"law 6: filters handle errors of guards and of HandleConnection", testConnectFilters},
	{"law 6: OnConnected runs before HandleConnection", testOnConnected},
	{"constructors are resolved in the gateway's module", testConstructors},
	{"unresolved constructors are boot errors", testConstructorProblems},
	{"interceptors of emitted events", testEmitInterceptors},
}

func testGuardRejects(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	g := &testGateway{
		subs:    []websockets.Subscription{echo()},
		connect: func(context.Context, websockets.Client) error { tr.Add("connect"); return nil },
		leave:   func(context.Context, websockets.Client, websockets.Reason) { tr.Add("leave") },
	}
	g.with(websockets.UseGuards(func(_ context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get("X-User") == "ann" {
			return nil
		}
		return &pipeline.Error{Message: "Not you", Code: "not_you", Status: 401, Details: map[string]int{"wait": 7}}
	}))
	a := s.start(t, g)
	s.wantRejected(t, a, "Not you", 401, `"not_you"`, `"wait":7`)
	tr.Want(t)
	alive(t, s.dial(t, a, as("ann")))
	tr.Want(t, "connect")
}

func testGuardFails(t *testing.T, s *suite) {
	for name, guard := range map[string]pipeline.GuardFunc{
		"error": func(context.Context, *pipeline.Call) error { return errors.New("password of the database") },
		"panic": func(context.Context, *pipeline.Call) error { crash(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var log testkit.Log
			a := s.startWith(t, []*testGateway{newGateway(echo())}, logTo(&log), app.UseGuards(guard))
			s.wantRejected(t, a, "Internal server error", 500)
			wantLogged(t, &log, 1, "a check before the handshake failed", "gateway=")
		})
	}
}

func testGuardValues(t *testing.T, s *suite) {
	inHook := make(chan string, 1)
	atEnd := make(chan string, 1)
	g := &testGateway{
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
	g.with(websockets.UseGuards(pipeline.Only(pipeline.GuardFunc(func(ctx context.Context, c *pipeline.Call) error {
		if websockets.HandshakeFrom(ctx) == nil {
			t.Error("a guard of a connection has no handshake")
		}
		userKey.Set(c, "user "+c.Request.Header.Get("X-User"))
		return nil
	}), pipeline.KindConnect)))
	c := s.dial(t, s.start(t, g), as("ann"))
	wantReceived(t, "HandleConnection", inHook, "user ann")
	wantAnswer(t, c, "user ann", "who")
	c.Close()
	wantReceived(t, "HandleDisconnect", atEnd, "user ann")
}

func testConnectGuardOrder(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	guard := func(name string) pipeline.GuardFunc {
		return func(_ context.Context, c *pipeline.Call) error {
			if c.Kind == pipeline.KindConnect {
				tr.Add(name)
			}
			return nil
		}
	}
	first := newGateway(echo()).with(websockets.UseGuards(guard("first")))
	second := newGateway().with(websockets.UseGuards(guard("second")), websockets.Admit(func(context.Context, *websockets.Handshake) error {
		tr.Add("admit")
		return nil
	}))
	third := newGateway().with(websockets.Meta(rolesKey.With([]string{"admin"})))
	second.connect = func(context.Context, websockets.Client) error { return nil }
	third.connect = second.connect
	a := s.startWith(t, []*testGateway{first, second, third}, app.UseGuards(guard("global")))
	alive(t, s.dial(t, a))
	// Once more for the third: it has its own metadata.
	tr.Want(t, "global", "first", "second", "admit", "global")
}

func testConnectFilters(t *testing.T, s *suite) {
	errBanned := errors.New("banned")
	answer := &pipeline.Error{Message: "Go away", Code: "banned", Status: 429}
	filter := websockets.UseFilters(pipeline.FilterIs(errBanned, answer))

	g := newGateway(echo()).with(filter, websockets.UseGuards(func(context.Context, *pipeline.Call) error { return errBanned }))
	s.wantRejected(t, s.start(t, g), "Go away", 429)

	g = newGateway(echo()).with(filter)
	g.connect = func(context.Context, websockets.Client) error { return errBanned }
	c := s.dial(t, s.start(t, g))
	if e := apptest.Expect[apptest.Exception](c, "exception"); e.Message != "Go away" || e.Code != "banned" {
		t.Errorf("received %+v", e)
	}
}

func testOnConnected(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	g := newGateway(echo())
	g.connect = func(context.Context, websockets.Client) error { tr.Add("HandleConnection"); return nil }
	g.with(websockets.UseGuards(pipeline.Only(pipeline.GuardFunc(func(ctx context.Context, _ *pipeline.Call) error {
		websockets.HandshakeFrom(ctx).OnConnected(func(websockets.Client) { tr.Add("broken"); crash() })
		websockets.HandshakeFrom(ctx).OnConnected(func(c websockets.Client) {
			tr.Add("connected")
			context.AfterFunc(c.Context(), func() { tr.Add("left") })
		})
		return nil
	}), pipeline.KindConnect)))
	_, c := s.solo(t, g)
	alive(t, c)
	c.Close()
	tr.Want(t, "broken", "connected", "HandleConnection", "left")
}

// dependency is injected into guards.
type dependency struct{ tr *testkit.Steps }

// injectedGuard is a guard that a module builds.
type injectedGuard struct {
	name string
	l    *dependency
}

func (b *injectedGuard) Check(_ context.Context, c *pipeline.Call) error {
	b.l.tr.Add(b.name + " " + string(c.Kind))
	return nil
}

type otherGuard struct{ *injectedGuard }

func newInjectedGuard(l *dependency) *injectedGuard { return &injectedGuard{"injectedGuard", l} }
func newOtherGuard(l *dependency) *otherGuard       { return &otherGuard{&injectedGuard{"otherGuard", l}} }

func testConstructors(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	g := newGateway(echo())
	root := module.New("root", module.Providers(
		module.Value(&dependency{tr}),
		websockets.Gateway(func() *testGateway { return g },
			websockets.UseGuards(newInjectedGuard),
			websockets.ForEvent("echo", websockets.UseGuards(newOtherGuard, func(_ context.Context, c *pipeline.Call) error {
				tr.Add("function " + string(c.Kind))
				return nil
			})),
		),
		app.Global(func(l *dependency) *otherGuard { return &otherGuard{&injectedGuard{"provided", l}} }),
	))
	a := s.startRoot(t, s.contract(t), root,
		app.UseGuards(func(l *dependency) *injectedGuard { return &injectedGuard{"global", l} }))
	alive(t, s.dial(t, a))
	tr.Want(t,
		"global connect", "provided connect", "injectedGuard connect",
		"global message", "provided message", "injectedGuard message", "otherGuard message", "function message")
}

func testConstructorProblems(t *testing.T, s *suite) {
	type unrelated struct{}
	gateway := func(subs []websockets.Subscription, opts ...websockets.Option) *module.Module {
		g := newGateway(subs...)
		return module.New("root", module.Providers(websockets.Gateway(func() *testGateway { return g }, opts...)))
	}
	plain := []websockets.Subscription{echo()}
	handler := func(_ context.Context, n int) (int, error) { return n, nil }
	late := newGateway(echo())
	late.late = func() []websockets.Option { return []websockets.Option{websockets.UseGuards(newInjectedGuard)} }
	for _, c := range []struct {
		what string
		root *module.Module
		opts []app.Option
		want []string
	}{
		{"a missing dependency", gateway(plain, websockets.UseGuards(newInjectedGuard)), nil, []string{"newInjectedGuard", "needs *adaptertest.dependency", "not available"}},
		{"no guard at all", gateway(plain, websockets.UseGuards(7)), nil, []string{"guard 1 has type int", "Check("}},
		{"nil", gateway(plain, websockets.UsePipes(nil)), nil, []string{"pipe 1 is nil"}},
		{"a constructor of something else", gateway(plain, websockets.UseGuards(func() *unrelated { return nil })), nil, []string{"guard 1", "neither a pipeline.Guard nor a constructor"}},
		{"at a handler", gateway([]websockets.Subscription{websockets.On("e", handler, websockets.UseGuards(newInjectedGuard))}), nil, []string{`subscription "e"`, "guard 1", "constructors are not accepted here"}},
		{"from GatewayOptions", modules(late), nil, []string{"guard 1", "constructors are not accepted here"}},
		{"an event without a handler", gateway(plain, websockets.ForEvent("typo", websockets.UseGuards(pipeline.GuardFunc(nil)))), nil, []string{"guard 1 is a nil"}},
		{"an event without a handler", gateway(plain, websockets.ForEvent("typo")), nil, []string{`ForEvent("typo")`, "does not handle"}},
		{"global", gateway(plain), []app.Option{app.UseFilters(struct{}{})}, []string{"app: UseFilters", "filter 1 has type struct {}"}},
		{"provided", module.New("root", module.Providers(app.Global(func() *unrelated { return nil }))), nil, []string{"app: Global", "is not a guard, interceptor, pipe or filter"}},
		{"what a global one needs", gateway(plain), []app.Option{app.UseGuards(newInjectedGuard)}, []string{"needs *adaptertest.dependency"}},
	} {
		err := s.boot(t, c.root, append([]app.Option{app.HTTP("127.0.0.1:0")}, c.opts...)...)
		t.Logf("%s: %v", c.what, err)
		has(t, err.Error(), c.want...)
	}
}

func testEmitInterceptors(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	see := func(name string) pipeline.Interceptor {
		return pipeline.EmitFunc(func(e *pipeline.Emission, next func() error) error {
			to := "all"
			if e.Client != nil {
				to = "one"
			}
			for _, r := range e.Rooms {
				to = r
			}
			tr.Add(name + " " + e.Event + " to " + to)
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
	g := newGateway(echo(),
		websockets.On("reply", func(_ context.Context, n int) (int, error) { return n, nil }),
		websockets.On("respond", func(_ context.Context, n int) (websockets.Response[int], error) {
			return websockets.Respond("number", n), nil
		}, websockets.Sends(websockets.NewEvent[int]("number"))),
		websockets.Listen("send", func(ctx context.Context, n int) error {
			c := websockets.ClientFrom(ctx)
			if err := c.Emit(ctx, "secret", n); err != nil {
				t.Errorf("a dropped event returns %v", err)
			}
			for _, event := range []string{"forbidden", "broken"} {
				if err := c.Emit(ctx, event, n); err == nil {
					t.Errorf("%s returns no error", event)
				}
			}
			return c.Join("room")
		}),
	).with(websockets.UseInterceptors(see("gateway"), change)).emits(websockets.NewEvent[int]("number"), websockets.NewCall[int, string]("question"))
	_, c := s.solo(t, g, app.UseInterceptors(see("global")))
	c.OnCall("question", func(json.RawMessage) any { return "answer" })
	c.Call("send", 1)
	wantAnswer(t, c, 5, "reply", 5)
	c.Call("respond", 5)
	wantEvent(t, c, 6, "number")
	if err := g.Server.To("room").Emit(t.Context(), "number", 7); err != nil {
		t.Fatal(err)
	}
	wantEvent(t, c, 8, "number")
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	answers, err := g.Server.Call(ctx, "question", 1)
	if err != nil || len(answers.Answered) != 1 || string(answers.Answered[0].Value.JSON) != `"answer"` {
		t.Errorf("answers %+v, %v", answers, err)
	}
	tr.Want(t,
		"global secret to one", "gateway secret to one", "global forbidden to one", "gateway forbidden to one",
		"global broken to one", "gateway broken to one", "global number to one", "gateway number to one",
		"global number to room", "gateway number to room", "global question to all", "gateway question to all")
}
