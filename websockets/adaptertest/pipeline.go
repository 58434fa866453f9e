package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var pipelineTests = []test{
	{"law 13: the order of every scope", testPipelineOrder},
	{"law 13: denial interceptors and filters see a denied call", testDenied},
	{"law 13: filters run from the handler outwards", testFilterOrder},
	{"law 13: interceptors replace results, items and errors", testInterceptors},
	{"law 13: pipes change and reject payloads", testPipes},
	{"law 13: strict payloads", testStrict},
	{"law 13: a filter that panics, an answer with a custom body", testFilters},
	{"law 13: filters of the application see unknown events", testFilterUnknown},
	{"law 13: metadata of handler and gateway", testMetadata},
	{"law 15: a panic in a guard, interceptor or pipe", testPipelinePanics},
}

// tracer implements every kind of enhancement and records its calls.
type tracer struct {
	name string
	tr   *testkit.Steps
}

func (x tracer) notef(format string, args ...any) {
	x.tr.Add(x.name + " " + fmt.Sprintf(format, args...))
}

func (x tracer) Check(_ context.Context, c *pipeline.Call) error {
	x.notef("guard %s", c.Kind)
	return nil
}

func (x tracer) Intercept(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
	x.notef("in")
	v, err := next(ctx)
	x.notef("out %v %v", v, err)
	return v, err
}

func (x tracer) InterceptItem(_ context.Context, _ *pipeline.Call, item any) (any, error) {
	x.notef("item")
	return item, nil
}

func (x tracer) InterceptDenial(_ context.Context, c *pipeline.Call, err error) error {
	x.notef("denied %s: %v", c.Kind, err)
	return nil
}

func (x tracer) Transform(_ context.Context, _ *pipeline.Call, payload any) error {
	x.notef("pipe %v", *payload.(*checked))
	return nil
}

func (x tracer) Catch(_ context.Context, c *pipeline.Call, err error) *pipeline.Error {
	x.notef("filter %s: %v", c.Pattern, err)
	return nil
}

// everywhere returns the options that bind it as every kind.
func (x tracer) everywhere() []websockets.Enhancement {
	return []websockets.Enhancement{
		websockets.UseGuards(x), websockets.UseInterceptors(x), websockets.UsePipes(x), websockets.UseFilters(x),
	}
}

// checked is a payload with a Validate method.
type checked struct {
	N int `json:"n"`
}

var errChecked = errors.New("n must not be 13")

func (c checked) Validate() error {
	if c.N == 13 {
		return errChecked
	}
	return nil
}

func testPipelineOrder(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	gateway, handler := tracer{"gateway", tr}, tracer{"handler", tr}
	onHandler := make([]websockets.HandlerOption, 0, 4)
	g := &testGateway{connect: func(context.Context, websockets.Client) error { tr.Add("HandleConnection"); return nil }}
	for _, e := range gateway.everywhere() {
		g.with(e)
	}
	for _, e := range handler.everywhere() {
		onHandler = append(onHandler, e)
	}
	g.subs = []websockets.Subscription{
		websockets.On("double", func(_ context.Context, in checked) (int, error) {
			tr.Add("handled")
			return 2 * in.N, nil
		}, onHandler...),
		websockets.Stream("count", func(_ context.Context, in checked) items {
			return func(yield func(websockets.Response[int], error) bool) {
				for i := range in.N {
					tr.Add(fmt.Sprint("yielded ", i))
					if !yield(websockets.Respond("n", i), nil) {
						return
					}
				}
			}
		}, append(onHandler, websockets.Sends(number))...),
	}
	all := tracer{"global", tr}
	_, c := s.solo(t, g, app.UseGuards(all), app.UseInterceptors(all), app.UsePipes(all), app.UseFilters(all))
	wantAnswer(t, c, 8, "double", checked{4})
	c.Call("count", checked{2})
	entering := []string{
		"global guard message", "gateway guard message", "handler guard message",
		"global in", "gateway in", "handler in",
	}
	piped := func(n int) []string {
		var out []string
		for _, scope := range []string{"global", "gateway", "handler"} {
			out = append(out, fmt.Sprintf("%s pipe {%d}", scope, n))
		}
		return out
	}
	leaving := func(v any) []string {
		var out []string
		for _, scope := range []string{"handler", "gateway", "global"} {
			out = append(out, fmt.Sprintf("%s out %v <nil>", scope, v))
		}
		return out
	}
	items := []string{"handler item", "gateway item", "global item"}
	want := []string{"global guard connect", "gateway guard connect", "HandleConnection"}
	want = append(append(append(append(want, entering...), piped(4)...), "handled"), leaving(8)...)
	want = append(append(want, entering...), piped(2)...)
	for i := range 2 {
		want = append(append(want, fmt.Sprint("yielded ", i)), items...)
	}
	want = append(want, leaving("<nil>")...)
	tr.Want(t, want...)
}

func testDenied(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	x := tracer{"gateway", tr}
	deny := websockets.UseGuards(func(_ context.Context, c *pipeline.Call) error {
		if c.Kind == pipeline.KindMessage {
			return pipeline.ErrForbidden
		}
		return nil
	})
	handled := func() { tr.Add("handled") }
	g := newGateway(echo(),
		websockets.On("on", func(_ context.Context, n int) (int, error) { handled(); return n, nil }, deny),
		websockets.Listen("listen", func(context.Context, int) error { handled(); return nil }, deny),
		websockets.Listen("background", func(context.Context, int) error { handled(); return nil }, deny, websockets.Background(1)),
		websockets.Stream("stream", func(context.Context, int) items { handled(); return nil }, deny),
		websockets.Fallback(func(context.Context, string, websockets.Payload) (int, error) { handled(); return 0, nil }, deny),
	).with(websockets.UseFilters(x), websockets.UseInterceptors(x))
	_, c := s.solo(t, g)
	for _, event := range []string{"on", "listen", "background", "stream", "fallen back"} {
		for _, e := range failures(t, s, c, event, 1) {
			if e.Message != "Forbidden resource" || e.Code != pipeline.CodeForbidden || e.Cause == nil || e.Cause.Pattern != event || string(e.Cause.Data) != "1" {
				t.Errorf("%s is answered %+v", event, e)
			}
		}
	}
	steps := tr.All()
	for i := 0; i+1 < len(steps); i++ {
		switch steps[i] {
		case "handled":
			t.Error("a handler ran although its guard had denied")
		case "gateway denied message: Forbidden resource":
			has(t, steps[i+1], "gateway filter ", ": Forbidden resource")
		}
	}
}

func testFilterOrder(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	errGone := errors.New("gone")
	global, gateway, handler := tracer{"global", tr}, tracer{"gateway", tr}, tracer{"handler", tr}
	g := newGateway(echo(),
		websockets.On("fail", func(context.Context, int) (int, error) { return 0, errGone }, websockets.UseFilters(handler)),
		websockets.On("caught", func(context.Context, int) (int, error) { return 0, errGone }, websockets.UseFilters(handler,
			pipeline.FilterIs(errGone, &pipeline.Error{Message: "It is gone", Code: "gone"}))),
	).with(websockets.UseFilters(gateway))
	var log testkit.Log
	_, c := s.solo(t, g, app.UseFilters(global), logTo(&log))
	wantError(t, c, "Internal server error", "fail", 1)
	if e := c.CallError("caught", 1); e.Message != "It is gone" || e.Code != "gone" || e.Cause == nil || e.Cause.Pattern != "caught" {
		t.Errorf("answered %+v", e)
	}
	tr.Want(t, "handler filter fail: gone", "gateway filter fail: gone", "global filter fail: gone", "handler filter caught: gone")
	wantLogged(t, &log, 1, "error=gone", "event=fail")
	wantLogged(t, &log, 0, "error=gone", "event=caught")
}

func testInterceptors(t *testing.T, s *suite) {
	replace := pipeline.Map(func(_ context.Context, c *pipeline.Call, v any) (any, error) {
		if r, ok := v.(websockets.Response[int]); ok {
			if r.Data == 1 {
				return nil, nil // omits the item
			}
			return websockets.Respond(r.Event, r.Data*10), nil
		}
		return fmt.Sprint(v, "!"), nil
	})
	intercept := func(f pipeline.InterceptorFunc) websockets.HandlerOption { return websockets.UseInterceptors(f) }
	tries := 0
	_, c := s.solo(t, newGateway(echo(),
		websockets.On("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil }, websockets.UseInterceptors(replace)),
		websockets.Stream("count", func(_ context.Context, n int) items {
			return func(yield func(websockets.Response[int], error) bool) {
				for i := range n {
					if !yield(websockets.Respond("n", i), nil) {
						return
					}
				}
			}
		}, websockets.UseInterceptors(replace), websockets.Sends(number)),
		websockets.On("cached", func(context.Context, int) (int, error) { return 0, errors.New("never called") },
			intercept(func(context.Context, *pipeline.Call, pipeline.Next) (any, error) { return "from the cache", nil })),
		websockets.On("flaky", func(_ context.Context, n int) (int, error) {
			if tries++; tries < 3 {
				return 0, errors.New("not yet")
			}
			return n, nil
		}, intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (v any, err error) {
			for range 3 {
				if v, err = next(ctx); err == nil {
					break
				}
			}
			return v, err
		}), websockets.UseInterceptors(replace)),
		websockets.Listen("listen", func(context.Context, int) error { return nil },
			intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
				v, err := next(ctx)
				return fmt.Sprint("was ", v), err
			})),
		websockets.On("other event", func(_ context.Context, n int) (int, error) { return n, nil },
			intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
				v, err := next(ctx)
				return websockets.Respond("other", v), err
			})),
		websockets.On("forgiven", func(context.Context, int) (*int, error) { return nil, errors.New("bad") },
			intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
				_, err := next(ctx)
				return "was " + err.Error(), nil
			})),
		websockets.On("null", func(context.Context, int) (*int, error) { return nil, nil },
			intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) { return next(ctx) })),
	))
	for event, want := range map[string]string{"double": "4!", "cached": "from the cache", "flaky": "2!", "listen": "was <nil>", "forgiven": "was bad"} {
		wantAnswer(t, c, want, event, 2)
	}
	if got := apptest.Call[*int](c, "null", 1); got != nil {
		t.Errorf("null is answered %v", got)
	}
	c.Call("count", 3)
	for _, want := range []int{0, 20} {
		wantEvent(t, c, want, "n")
	}
	c.Call("other event", 7)
	wantEvent(t, c, 7, "other")
}

func testPipes(t *testing.T, s *suite) {
	double := pipeline.PipeOf(func(_ context.Context, in *checked) error {
		in.N *= 2
		return nil
	})
	reject := pipeline.PipeFunc(func(_ context.Context, c *pipeline.Call, payload any) error {
		return pipeline.Invalid(pipeline.Violation{Field: "n", Rule: "max", Param: "3", Message: "may be at most 3"})
	})
	g := newGateway(echo(),
		websockets.On("value", func(_ context.Context, in checked) (int, error) { return in.N, nil }),
		websockets.On("pointer", func(_ context.Context, in *checked) (int, error) {
			if in == nil {
				return -1, nil
			}
			return in.N, nil
		}),
		websockets.On("other", func(_ context.Context, n int) (int, error) { return n, nil }),
		websockets.On("rejected", func(_ context.Context, in checked) (int, error) { return in.N, nil }, websockets.UsePipes(reject)),
	).with(websockets.UsePipes(double))
	_, c := s.solo(t, g)
	for event, want := range map[string]int{"value": 10, "pointer": 5} {
		wantAnswer(t, c, want, event, checked{5})
	}
	wantAnswer(t, c, 4, "other", 4)
	wantAnswer(t, c, -1, "pointer", nil)
	for _, e := range failures(t, s, c, "pointer", checked{13}) {
		if e.Message != "Bad payload: n must not be 13" || e.Code != websockets.CodeBadPayload {
			t.Errorf("a payload that Validate rejects is answered %+v", e)
		}
	}
	for _, e := range failures(t, s, c, "rejected", checked{4}) {
		if e.Message != "Bad payload: n may be at most 3" || string(e.Details) != `[{"field":"n","rule":"max","param":"3","message":"may be at most 3"}]` {
			t.Errorf("a payload that a pipe rejects is answered %+v %s", e, e.Details)
		}
	}
}

func testStrict(t *testing.T, s *suite) {
	handler := func(_ context.Context, in checked) (int, error) { return in.N, nil }
	all := newGateway(echo(), websockets.On("save", handler)).with(websockets.Strict())
	one := newGateway(echo(), websockets.On("save", handler, websockets.Strict()), websockets.On("lax", handler))
	unknown := map[string]any{"n": 1, "nested": map[string]int{"m": 2}}
	for _, g := range []*testGateway{all, one} {
		_, c := s.solo(t, g)
		wantAnswer(t, c, 3, "save", checked{3})
		for _, e := range failures(t, s, c, "save", unknown) {
			if e.Message != "Bad payload: nested is unknown" || e.Code != websockets.CodeBadPayload {
				t.Errorf("an unknown name is answered %+v", e)
			}
		}
		if g == one {
			wantAnswer(t, c, 1, "lax", unknown)
		}
	}
}

func testFilters(t *testing.T, s *suite) {
	var log testkit.Log
	g := newGateway(echo(),
		websockets.On("broken", func(context.Context, int) (int, error) { return 0, errors.New("the cause") },
			websockets.UseFilters(func(context.Context, *pipeline.Call, error) *pipeline.Error { crash(); return nil })),
		websockets.On("verbatim", func(context.Context, int) (int, error) {
			return 0, &websockets.Error{Message: "m", Body: map[string]int{"code": 7}}
		}),
	)
	a := s.startWith(t, []*testGateway{g}, logTo(&log), app.UseFilters(pipeline.FilterFunc(func(_ context.Context, c *pipeline.Call, err error) *pipeline.Error {
		if c.Pattern != "broken" {
			return nil
		}
		return &pipeline.Error{Message: "runs only without an earlier failure"}
	})))
	c := s.dial(t, a)
	wantError(t, c, "Internal server error", "broken", 1)
	wantLogged(t, &log, 1, "panic in a filter", "the cause")
	for range 2 {
		c.Emit("verbatim", 1)
	}
	var received []string
	for len(received) < 2 {
		if m := c.ExpectMessage("exception"); !strings.Contains(string(m.Data), "cause") {
			received = append(received, string(m.Data))
		}
	}
	if received[0] != `{"code":7}` || received[1] != received[0] {
		t.Errorf("received %s", received)
	}
}

func testFilterUnknown(t *testing.T, s *suite) {
	a := s.startWith(t, []*testGateway{newGateway(echo())}, app.UseFilters(pipeline.FilterFunc(func(_ context.Context, c *pipeline.Call, err error) *pipeline.Error {
		e, ok := errors.AsType[*pipeline.Error](err)
		if !ok || e.Code != websockets.CodeUnknownEvent {
			return nil
		}
		return &pipeline.Error{Message: "What is " + c.Pattern + "?", Code: e.Code}
	})))
	c := s.dial(t, a)
	if e := c.CallError("unknown", 1); e.Message != "What is unknown?" || e.Code != websockets.CodeUnknownEvent {
		t.Errorf("answered %+v", e)
	}
}

var rolesKey = pipeline.NewKey[[]string]("roles")

func testMetadata(t *testing.T, s *suite) {
	seen := &testkit.Steps{}
	look := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		roles, ok := rolesKey.Of(c)
		seen.Add(fmt.Sprint(c.Kind, " ", roles, ok, rolesKey.All(c)))
		return nil
	})
	handler := func(_ context.Context, n int) (int, error) { return n, nil }
	g := newGateway(
		websockets.On("own", handler, websockets.Meta(rolesKey.With([]string{"admin"}))),
		websockets.On("inherited", handler),
	).with(websockets.Meta(rolesKey.With([]string{"member"})))
	_, c := s.solo(t, g, app.UseGuards(look))
	c.Call("own", 1)
	c.Call("inherited", 1)
	seen.Want(t, "connect [member] true [[member]]", "message [admin] true [[member] [admin]]", "message [member] true [[member]]")
}

func testPipelinePanics(t *testing.T, s *suite) {
	var log testkit.Log
	handler := func(_ context.Context, n int) (int, error) { return n, nil }
	g := newGateway(echo(),
		websockets.On("guard", handler, websockets.UseGuards(func(context.Context, *pipeline.Call) error { crash(); return nil })),
		websockets.On("interceptor", handler, websockets.UseInterceptors(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
			crash()
			return next(ctx)
		})),
		websockets.On("pipe", handler, websockets.UsePipes(func(context.Context, *pipeline.Call, any) error { crash(); return nil })),
	)
	_, c := s.solo(t, g, logTo(&log))
	for _, event := range []string{"guard", "interceptor", "pipe"} {
		wantError(t, c, "Internal server error", event, 1)
		wantLogged(t, &log, 1, "event="+event, "panic", "stack=")
	}
	alive(t, c)
}
