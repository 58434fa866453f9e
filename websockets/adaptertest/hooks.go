package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var hooksTests = []test{
	{"hooks: the life of a client, in order", testHooksLife},
	{"hooks: events, calls and rooms", testHooksEvents},
	{"hooks: outcomes", testHooksOutcomes},
	{"hooks: refused connections", testHooksRefused},
	{"hooks: a panic changes nothing", testHooksPanic},
	{"hooks: they may call every method", testHooksReentrant},
	{"hooks: contexts reach handlers, guards and interceptors", testHooksContext},
	{"hooks: Received comes in the order of the wire", testHooksOrder},
	{"hooks: Number is that of a message and its answer, or of a call", testHooksNumbers},
	{"hooks: Unobserved gateways are left out", testHooksUnobserved},
	{"hooks: the stop", testHooksStop},
	{"Stats counts clients, rooms and what waits", testStats},
}

// traced returns hooks that record what they are called with.
func traced(tr *testkit.Steps) observe.Hooks {
	return observe.Hooks{
		Admit: func(ctx context.Context, _ observe.Attempt) (context.Context, func(error)) {
			tr.Add("admit")
			return ctx, func(err error) { tr.Add(fmt.Sprintf("admitted %v", err == nil)) }
		},
		Refused:   func(_ context.Context, _ observe.Attempt, r observe.Refusal) { tr.Add("refused " + string(r.Stage)) },
		Connected: func(websockets.Client) { tr.Add("connected") },
		Disconnected: func(_ websockets.Client, r websockets.Reason, lasted time.Duration) {
			tr.Add(fmt.Sprintf("disconnected %s %v", r.Cause, lasted > 0))
		},
		Received: func(_ websockets.Client, m observe.Received) {
			tr.Add(fmt.Sprintf("received %s %s %v", m.Event, m.Payload.JSON, m.WantsAnswer || m.Answer))
		},
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			tr.Add("handle " + h.Event)
			return ctx, func(o observe.Outcome) { tr.Add("handled " + h.Event) }
		},
		Answered: func(_ websockets.Client, a observe.Answer) {
			tr.Add(fmt.Sprintf("answered %s %s %v", a.Event, a.Payload.JSON, a.Failed))
		},
		Emit: func(ctx context.Context, e observe.Emission) (context.Context, func(observe.Delivery)) {
			tr.Add("emit " + e.Event)
			return ctx, func(d observe.Delivery) {
				tr.Add(fmt.Sprintf("emitted %s to %d, %d dropped, %d answers", e.Event, d.Recipients, d.Dropped, d.Answers))
			}
		},
		Sent:    func(_ websockets.Client, s observe.Sent) { tr.Add(fmt.Sprintf("sent %s %s", s.Event, s.Payload.JSON)) },
		Dropped: func(_ websockets.Client, event string, err error) { tr.Add(fmt.Sprintf("dropped %s: %v", event, err)) },
		Joined:  func(_ websockets.Client, room string) { tr.Add("joined " + room) },
		Left:    func(_ websockets.Client, room string) { tr.Add("left " + room) },
	}
}

func testHooksLife(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	g := newGateway(echo())
	g.connect = func(_ context.Context, c websockets.Client) error {
		if c.Transport() == "" || time.Since(c.ConnectedAt()) > testkit.Patience {
			t.Errorf("transport %q, connected at %v", c.Transport(), c.ConnectedAt())
		}
		tr.Add("HandleConnection")
		return c.Join("b", "a", "a")
	}
	g.leave = func(_ context.Context, _ websockets.Client, r websockets.Reason) { tr.Add("HandleDisconnect") }
	hooks := traced(tr)
	hooks.Ready = func(websockets.Client) { tr.Add("ready") }
	hooks.Leaving = func(c websockets.Client, r websockets.Reason) {
		tr.Add(fmt.Sprintf("leaving %s %v", r.Cause, c.Rooms()))
	}
	_, c := s.solo(t, g, app.Observe(hooks))
	steps := []string{"admit", "admitted true", "connected", "HandleConnection", "joined b", "joined a", "ready"}
	tr.Want(t, steps...) // a message could be received before
	alive(t, c)
	steps = append(steps,
		`received echo "still here" true`, "handle echo", `answered echo "still here" false`, "handled echo")
	tr.Want(t, steps...)
	c.Close()
	tr.Want(t, append(steps, "leaving client namespace disconnect [a b]", "left a", "left b", "HandleDisconnect", "disconnected client namespace disconnect true")...)
}

func testHooksEvents(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	hooks := traced(tr)
	hooks.Admit, hooks.Connected, hooks.Disconnected = nil, nil, nil
	sent := hooks.Sent
	hooks.Sent = func(c websockets.Client, s observe.Sent) {
		if !s.Call { // the answer may come before
			sent(c, s)
		}
	}
	joined := make(chan websockets.Client, 1)
	g := newGateway(echo(), websockets.Listen("join", func(ctx context.Context, room string) error {
		return websockets.ClientFrom(ctx).Join(room)
	})).emits(news, websockets.NewEvent[any]("hello"), websockets.NewCall[int, int]("ask"))
	g.connect = func(_ context.Context, c websockets.Client) error { joined <- c; return nil }
	_, c := s.solo(t, g, app.Observe(hooks))
	client := testkit.Receive(t, "the client", joined)
	check := func(do func(), steps ...string) {
		t.Helper()
		tr.Take()
		do()
		tr.Want(t, steps...)
	}
	check(func() { c.Call("join", "x") },
		`received join "x" true`, "handle join", "joined x", "answered join  false", "handled join")
	check(func() { _ = g.Server.To("x").Emit(t.Context(), "news", 1) }, "emit news", "sent news 1", "emitted news to 1, 0 dropped, 0 answers")
	check(func() { _ = g.Server.To("empty").Emit(t.Context(), "news", 1) }, "emit news", "emitted news to 0, 0 dropped, 0 answers")
	check(func() { _ = client.Emit(t.Context(), "hello", nil) }, "emit hello", "sent hello null", "emitted hello to 1, 0 dropped, 0 answers")
	c.OnCall("ask", func(json.RawMessage) any { return 5 })
	check(func() {
		if _, err := client.Call(t.Context(), "ask", 2); err != nil {
			t.Error(err)
		}
	}, "emit ask", "received  5 true", "emitted ask to 1, 0 dropped, 1 answers")
	check(func() {
		if _, err := g.Server.Call(t.Context(), "ask", 3); err != nil {
			t.Error(err)
		}
	}, "emit ask", "received  5 true", "emitted ask to 1, 0 dropped, 1 answers")
	check(func() { _ = g.Server.To("x").Leave(t.Context(), "x", "y") }, "left x")
	c.Close()
	<-client.Context().Done()
	check(func() { _ = client.Emit(t.Context(), "late", nil) },
		"emit late", "dropped late: "+websockets.ErrClosed.Error(), "emitted late to 0, 1 dropped, 0 answers")
}

func testHooksOutcomes(t *testing.T, s *suite) {
	outcomes := make(chan observe.Outcome, 4)
	hooks := observe.Hooks{Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
		if h.Client == nil || h.Waited < 0 || h.Waited > testkit.Patience {
			t.Errorf("handling %+v", h)
		}
		return ctx, func(o observe.Outcome) { outcomes <- o }
	}}
	boom := errors.New("boom")
	g := newGateway(echo(),
		failWith("masked", boom),
		failWith("visible", websockets.NewError("no")),
		websockets.On("panic", func(context.Context, websockets.Payload) (int, error) { crash(); return 0, nil }),
		websockets.On("denied", func(context.Context, websockets.Payload) (int, error) { return 0, nil },
			websockets.UseGuards(pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
				if c.Kind == pipeline.KindConnect {
					return nil
				}
				return websockets.NewError("denied")
			}))),
		websockets.Stream("count", func(context.Context, int) items {
			return func(yield func(websockets.Response[int], error) bool) {
				_ = yield(websockets.Respond("n", 1), nil) && yield(websockets.Respond("n", 2), nil)
			}
		}, websockets.Sends(number)))
	_, c := s.solo(t, g, app.Observe(hooks))
	for event, ok := range map[string]func(o observe.Outcome) bool{
		"masked": func(o observe.Outcome) bool {
			return errors.Is(o.Err, boom) && o.Sent.Message == "Internal server error"
		},
		"visible": func(o observe.Outcome) bool { return o.Sent != nil && o.Sent.Message == "no" && !o.Denied },
		"denied":  func(o observe.Outcome) bool { return o.Denied && o.Sent.Message == "denied" },
		"panic":   func(o observe.Outcome) bool { return o.Panicked && o.Err != nil && o.Sent != nil },
		"count":   func(o observe.Outcome) bool { return o.Err == nil && o.Sent == nil && o.Items == 2 },
		"echo":    func(o observe.Outcome) bool { return o.Err == nil && o.Sent == nil && o.Took > 0 },
		"unknown": func(o observe.Outcome) bool { return o.Err != nil && o.Sent.Code == websockets.CodeUnknownEvent },
	} {
		_, _ = c.TryCall(event, 1)
		if o := testkit.Receive(t, "the outcome of "+event, outcomes); !ok(o) {
			t.Errorf("%s: outcome %+v, sent %+v", event, o, o.Sent)
		}
	}
}

func testHooksRefused(t *testing.T, s *suite) {
	refusals := make(chan string, 4)
	hooks := observe.Hooks{Refused: func(_ context.Context, a observe.Attempt, r observe.Refusal) {
		if a.Request == nil || a.Platform == "" || a.Path == "" {
			t.Errorf("attempt %+v", a)
		}
		refusals <- fmt.Sprintf("%s %s %v", r.Stage, r.Sent.Message, r.Client != nil)
	}}
	g := newGateway(echo()).with(websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
		if h.Request.Header.Get("X-User") == "mallory" {
			return websockets.NewError("not you")
		}
		return nil
	}))
	g.connect = func(_ context.Context, c websockets.Client) error {
		if c.Request().Header.Get("X-User") == "eve" {
			return websockets.NewError("nor you")
		}
		return nil
	}
	a := s.startWith(t, []*testGateway{g}, app.Observe(hooks))
	expect := func(want string, opts ...apptest.DialOption) {
		t.Helper()
		c, err := s.cfg.Dial(t, a.URL(), s.root(), opts...)
		if got := testkit.Receive(t, "a refusal", refusals); got != want {
			t.Errorf("refusal %q, want %q (dial: %v)", got, want, err)
		}
		if err == nil {
			c.ExpectClose()
		}
	}
	expect("connect not you false", as("mallory"))
	expect("hook nor you true", as("eve"))
	expect("origin Origin is not allowed false", apptest.WithHeader(http.Header{"Origin": {"https://evil.example"}}))
	a = s.startWith(t, []*testGateway{newGateway(echo())}, app.Observe(hooks), app.MaxConnections(1))
	s.dial(t, a)
	expect("limit The server has too many connections; try again later false")
}
func testHooksPanic(t *testing.T, s *suite) {
	var log testkit.Log
	bad := observe.Hooks{
		Admit:        func(context.Context, observe.Attempt) (context.Context, func(error)) { crash(); return nil, nil },
		Refused:      func(context.Context, observe.Attempt, observe.Refusal) { crash() },
		Connected:    func(websockets.Client) { crash() },
		Disconnected: func(websockets.Client, websockets.Reason, time.Duration) { crash() },
		Received:     func(websockets.Client, observe.Received) { crash() },
		Handle: func(ctx context.Context, _ observe.Handling) (context.Context, func(observe.Outcome)) {
			return ctx, func(observe.Outcome) { crash() }
		},
		Answered: func(websockets.Client, observe.Answer) { crash() },
		Emit: func(context.Context, observe.Emission) (context.Context, func(observe.Delivery)) {
			return nil, func(observe.Delivery) { crash() } // no context is the same one
		},
		Sent:    func(websockets.Client, observe.Sent) { crash() },
		Joined:  func(websockets.Client, string) { crash() },
		Left:    func(websockets.Client, string) { crash() },
		Drain:   func(observe.DrainStep) { crash() },
		Dropped: func(websockets.Client, string, error) { crash() },
	}
	left := make(chan struct{})
	g := newGateway(echo()).emits(news)
	g.connect = func(_ context.Context, c websockets.Client) error { return c.Join("room") }
	g.leave = func(context.Context, websockets.Client, websockets.Reason) { close(left) }
	tr := &testkit.Steps{}
	good := observe.Hooks{Connected: func(websockets.Client) { tr.Add("connected") }}
	_, c := s.solo(t, g, logTo(&log), app.Observe(bad), app.Observe(good))
	for range 20 {
		alive(t, c)
	}
	if err := g.Server.To("room").Emit(t.Context(), "news", 1); err != nil {
		t.Error(err)
	}
	c.ExpectMessage("news")
	tr.Want(t, "connected")
	c.Close()
	testkit.Receive(t, "HandleDisconnect", left)
	if n := len(log.Lines("panic in an observer")); n < 1 || n > 10 {
		t.Errorf("%d log lines, want one a second", n)
	}
}

func testHooksReentrant(t *testing.T, s *suite) {
	g := newGateway(echo()).emits(websockets.NewEvent[string]("seen"))
	var once sync.Map
	use := func(name string, c websockets.Client) {
		if _, done := once.LoadOrStore(name, true); done {
			return // its own calls come here too
		}
		_ = c.Emit(t.Context(), "seen", name)
		_ = c.Join("of " + name)
		c.Leave("of " + name)
		_, _, _, _, _ = c.ID(), c.Rooms(), c.Request(), c.Transport(), c.ConnectedAt()
		_ = g.Server.To("room").Emit(t.Context(), "seen", name)
		_, _ = g.Server.Count(t.Context())
		_ = g.Server.Nodes()
	}
	done := make(chan struct{})
	hooks := observe.Hooks{
		Connected:    func(c websockets.Client) { use("connected", c) },
		Disconnected: func(c websockets.Client, _ websockets.Reason, _ time.Duration) { use("disconnected", c); close(done) },
		Received:     func(c websockets.Client, _ observe.Received) { use("received", c) },
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			use("handle", h.Client)
			return ctx, func(observe.Outcome) { use("handled", h.Client) }
		},
		Answered: func(c websockets.Client, _ observe.Answer) { use("answered", c) },
		Sent:     func(c websockets.Client, _ observe.Sent) { use("sent", c) },
		Joined:   func(c websockets.Client, _ string) { use("joined", c) },
		Left:     func(c websockets.Client, _ string) { use("left", c) },
		Dropped:  func(c websockets.Client, _ string, _ error) { use("dropped", c) },
	}
	g.connect = func(_ context.Context, c websockets.Client) error { return c.Join("room") }
	_, c := s.solo(t, g, app.Observe(hooks))
	alive(t, c)
	c.Close()
	testkit.Receive(t, "Disconnected", done)
	for _, name := range []string{"connected", "received", "handle", "handled", "answered", "sent", "joined", "left", "disconnected", "dropped"} {
		if _, called := once.Load(name); !called {
			t.Errorf("%s was not called", name)
		}
	}
}

func testHooksContext(t *testing.T, s *suite) {
	type key struct{}
	hooks := observe.Hooks{
		Admit: func(ctx context.Context, _ observe.Attempt) (context.Context, func(error)) {
			return context.WithValue(ctx, key{}, "admit"), nil
		},
		Handle: func(ctx context.Context, _ observe.Handling) (context.Context, func(observe.Outcome)) {
			return context.WithValue(ctx, key{}, "handle"), nil
		},
		Emit: func(ctx context.Context, _ observe.Emission) (context.Context, func(observe.Delivery)) {
			from, _ := ctx.Value(key{}).(string)
			return context.WithValue(ctx, key{}, from+" emit"), nil
		},
	}
	admitted := make(chan any, 1)
	g := newGateway(echo(), websockets.On("ctx", func(ctx context.Context, _ websockets.Payload) (websockets.Response[string], error) {
		v, _ := ctx.Value(key{}).(string)
		return websockets.Respond("value", v), nil
	}, websockets.Sends(websockets.NewEvent[string]("value"))))
	emits := make(chan any, 1)
	g.opts = []websockets.Option{
		websockets.Admit(func(ctx context.Context, _ *websockets.Handshake) error { admitted <- ctx.Value(key{}); return nil }),
		websockets.UseInterceptors(pipeline.EmitFunc(func(e *pipeline.Emission, next func() error) error {
			emits <- e.Context().Value(key{})
			return next()
		})),
	}
	_, c := s.solo(t, g, app.Observe(hooks))
	wantReceived(t, "the context of Admit", admitted, "admit")
	c.Emit("ctx")
	wantEvent(t, c, "handle", "value")
	wantReceived(t, "the context of the emission", emits, "handle emit")
}

func testHooksOrder(t *testing.T, s *suite) {
	const n = 200
	tr := &testkit.Steps{}
	var want []string
	hooks := observe.Hooks{Received: func(_ websockets.Client, m observe.Received) { tr.Add(string(m.Payload.JSON)) }}
	g := newGateway(websockets.Listen("n", func(context.Context, int) error { return nil })).with(websockets.Concurrency(8))
	_, c := s.solo(t, g, app.Observe(hooks))
	for i := range n {
		c.Emit("n", i)
		want = append(want, fmt.Sprint(i))
	}
	tr.Want(t, want...)
}

func testHooksUnobserved(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	seen := newGateway(echo()).with(s.at("seen"))
	hidden := newGateway(echo()).emits(news).with(s.at("hidden"), websockets.Unobserved())
	a := s.startWith(t, []*testGateway{hidden, seen}, app.Observe(traced(tr)))
	c := s.dialAt(t, a, s.target("hidden"))
	alive(t, c)
	if err := hidden.Server.Emit(t.Context(), "news", 1); err != nil {
		t.Error(err)
	}
	c.ExpectMessage("news")
	tr.Want(t)
	if n := len(a.App().Stats().Endpoints); n != 1 {
		t.Errorf("Stats has %d endpoints, want one", n)
	}
	s.dialAt(t, a, s.target("seen"))
	tr.Want(t, "admit", "admitted true", "connected")
}

func testHooksStop(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	hooks := observe.Hooks{
		Disconnected: func(_ websockets.Client, r websockets.Reason, _ time.Duration) {
			tr.Add("disconnected " + string(r.Cause))
		},
		Drain: func(d observe.DrainStep) { tr.Add(fmt.Sprintf("%s %d", d.Phase, d.Clients)) },
	}
	release := make(chan struct{})
	running := make(chan struct{})
	g := newGateway(websockets.Listen("wait", func(context.Context, websockets.Payload) error {
		close(running)
		<-release
		return nil
	}))
	a, c := s.solo(t, g, app.Observe(hooks))
	c.Emit("wait")
	testkit.Receive(t, "the handler", running)
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop(t, a) }()
	tr.Want(t, "started 1", "closing 1")
	if !a.App().Stats().Stopping {
		t.Error("Stats does not say that the application stops")
	}
	close(release)
	testkit.Receive(t, "the end of Stop", stopped)
	tr.Want(t, "started 1", "closing 1", "disconnected server shutting down", "done 0")
}

func testStats(t *testing.T, s *suite) {
	release := make(chan struct{})
	running := make(chan struct{})
	g := newGateway(echo(), websockets.On("wait", func(context.Context, websockets.Payload) (int, error) {
		close(running)
		<-release
		return 0, nil
	}))
	received := make(chan string, 8)
	hooks := observe.Hooks{Received: func(_ websockets.Client, m observe.Received) { received <- m.Event }}
	g.connect = func(_ context.Context, c websockets.Client) error { return c.Join("a", c.ID()) }
	a := s.startWith(t, []*testGateway{g}, app.Observe(hooks))
	ada, bob := s.dial(t, a), s.dial(t, a)
	ada.CallError("unknown")
	alive(t, bob)
	bob.Emit("wait")
	testkit.Receive(t, "the handler", running)
	bob.Emit("echo", 1)
	for range 4 {
		testkit.Receive(t, "a message", received)
	}
	var one observe.EndpointStats
	testkit.Eventually(t, "a message waits", func() bool { // the inbox has a message a moment after Received
		one = a.App().Stats().Endpoints[0]
		return one.Waiting == 1
	})
	transports := 0
	for name, n := range one.Transports {
		transports += n
		if name == "" {
			t.Error("a transport without a name")
		}
	}
	if one.Clients != 2 || transports != 2 || one.Rooms != 3 || one.Namespaces != 1 || one.UnknownEvents != 1 ||
		one.Handlers != 1 || one.WaitingBytes == 0 || one.Platform == "" || one.Path == "" || one.Suspended != 0 {
		t.Errorf("statistics %+v", one)
	}
	close(release)
	alive(t, bob)
	ada.Close()
	bob.Close()
	testkit.Eventually(t, "all clients have left", func() bool {
		one = a.App().Stats().Endpoints[0]
		return one.Clients == 0 && one.Rooms == 0 && one.Handlers == 0 && one.Waiting == 0
	})
}
