package adaptertest

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var traceTests = []test{
	{"trace context: that of a message reaches its handler", testTraceOfMessage},
	{"trace context: without observers a message is handled as without one", testTraceUnobserved},
	{"trace context: that of the handshake reaches the checks", testTraceOfHandshake},
}

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// malformedTraces are none of W3C Trace Context.
var malformedTraces = []string{
	"", "x", strings.ToUpper(traceparent), "ff" + traceparent[2:], traceparent + "-more", traceparent[1:],
	"00-00000000000000000000000000000000-b7ad6b7169203331-01", strings.Repeat("é", 27) + "x", "%s%n\r\nlog: forged",
	strings.Repeat("0", 10_000),
}

// traceKey has the trace context of a handler's context, as the packages of tracers do.
type traceKey struct{}

func traceOf(ctx context.Context) string {
	s, _ := ctx.Value(traceKey{}).(string)
	return s
}

// handled is a message with the trace context of its handler's context.
type handled struct{ payload, trace string }

// traceGateway is a gateway whose event "trace" sends what its handler gets.
func traceGateway() (*testGateway, chan handled) {
	seen := make(chan handled, 100)
	return newGateway(echo(), websockets.On("trace", func(ctx context.Context, p websockets.Payload) (struct{}, error) {
		seen <- handled{string(p.JSON), traceOf(ctx)}
		return struct{}{}, nil
	})), seen
}

func testTraceOfMessage(t *testing.T, s *suite) {
	if s.cfg.Traced == nil {
		t.Log("the protocol has no trace context: Config.Traced is nil")
		return
	}
	g, seen := traceGateway()
	_, c := s.solo(t, g, app.Observe(observe.Hooks{Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
		return context.WithValue(ctx, traceKey{}, h.Traceparent), nil
	}}))
	want := func(want handled) {
		t.Helper()
		if got := testkit.Receive(t, "a message", seen); got != want {
			t.Errorf("the handler has %+v, want %+v: set Message.Traceparent", got, want)
		}
	}
	for range 2 {
		s.cfg.Traced(c, "trace", 7, traceparent)
		want(handled{"7", traceparent})
		c.Emit("trace", 8) // the next one has none
		want(handled{"8", ""})
	}
	for _, malformed := range malformedTraces {
		s.cfg.Traced(c, "trace", 7, malformed)
		if got := testkit.Receive(t, "a message", seen); got.trace != "" {
			t.Errorf("the handler has the trace context %q of %q", got.trace, malformed)
		}
	}
	alive(t, c)
}

func testTraceUnobserved(t *testing.T, s *suite) {
	if s.cfg.Traced == nil {
		t.Log("the protocol has no trace context: Config.Traced is nil")
		return
	}
	g, seen := traceGateway()
	_, c := s.solo(t, g)
	s.cfg.Traced(c, "trace", 7, traceparent)
	if got := testkit.Receive(t, "a message", seen); got != (handled{"7", ""}) {
		t.Errorf("the handler has %+v, want the payload alone", got)
	}
}

func testTraceOfHandshake(t *testing.T, s *suite) {
	seen := make(chan string, 100)
	hooks := observe.Hooks{Admit: func(ctx context.Context, a observe.Attempt) (context.Context, func(error)) {
		seen <- a.Traceparent + " " + a.Tracestate
		return ctx, nil
	}}
	a := s.startWith(t, []*testGateway{newGateway(echo())}, app.Observe(hooks))
	for _, x := range []struct {
		header http.Header
		want   string
	}{
		{http.Header{"Traceparent": {traceparent}, "Tracestate": {"a=1", "b=2"}}, traceparent + " a=1,b=2"},
		{http.Header{"Traceparent": {traceparent}, "Tracestate": {strings.Repeat("x", 600)}}, traceparent + " "},
		{http.Header{"Traceparent": {traceparent, traceparent}}, " "},
		{http.Header{"Traceparent": {strings.ToUpper(traceparent)}, "Tracestate": {"a=1"}}, " "},
		{nil, " "},
	} {
		c := s.dial(t, a, apptest.WithHeader(x.header))
		alive(t, c)
		if got := testkit.Receive(t, "an attempt", seen); got != x.want {
			t.Errorf("of %v the attempt has %q, want %q", x.header, got, x.want)
		}
	}
}
