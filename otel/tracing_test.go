package otel_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/otel"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// log collects the lines of an application.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) line(part string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// traced returns an application on two nodes, and what records the spans of both.
func traced(t *testing.T, o otel.TracingOptions, opts ...app.Option) (*apptest.Cluster, *tracetest.SpanRecorder, *log) {
	t.Helper()
	recorder, lines := tracetest.NewSpanRecorder(), &log{}
	o.TracerProvider = trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	tracing := otel.NewTracing(o)
	root := module.New("chat", module.Providers(websockets.Gateway(newChat, websockets.Via(ws.New()), websockets.Via(socketio.New(socketio.Options{TraceArgument: socketio.On})))))
	return apptest.NewCluster(t, 2, root, apptest.With(append(opts, app.Observe(tracing.Hooks()),
		app.Logger(slog.New(otel.SlogHandler(slog.NewJSONHandler(lines, nil)))))...)), recorder, lines
}

// span waits for a span of a name that has ended.
func span(t *testing.T, r *tracetest.SpanRecorder, name string) trace.ReadOnlySpan {
	t.Helper()
	var found trace.ReadOnlySpan
	testkit.Eventually(t, "the span "+name, func() bool {
		for _, s := range r.Ended() {
			if s.Name() == name {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// withParent has the trace context in the header of the handshake.
func withParent() apptest.DialOption {
	return apptest.WithHeader(http.Header{"Traceparent": {parent}})
}

// TestTraceOfAMessage: the handshake belongs to the trace of its request. A message has a trace of its own, with a link to the handshake; what its
// handler sends goes on in it, to the clients of another node. A failure of the server is an error.
func TestTraceOfAMessage(t *testing.T) {
	for _, platform := range []string{"ws", "socketio"} {
		t.Run(platform, func(t *testing.T) {
			c, recorder, lines := traced(t, otel.TracingOptions{Emits: true})
			dial := func(node int) *apptest.Client {
				if platform == "ws" {
					return c.Node(node).DialWS("/", withParent())
				}
				return c.Node(node).DialSocketIO("/", withParent())
			}
			here, there := dial(0), dial(1)
			here.Call("say", "hello")
			there.ExpectMessage("said")
			here.CallError("break", "x")
			here.CallError("fail", "no_tea")

			connect := span(t, recorder, "connect /")
			if got := connect.Parent(); got.TraceID().String() != parent[3:35] || got.SpanID().String() != parent[36:52] || !got.IsRemote() || connect.SpanKind() != api.SpanKindServer {
				t.Errorf("connect is below %v, %v", got, connect.SpanKind())
			}
			say := span(t, recorder, "otel_test.newChat/say")
			if say.Parent().IsValid() || len(say.Links()) != 1 || say.Links()[0].SpanContext.TraceID() != connect.SpanContext().TraceID() {
				t.Errorf("the message is below %v, with links %v", say.Parent(), say.Links())
			}
			emit := span(t, recorder, "emit said")
			deliver := span(t, recorder, "deliver said")
			if emit.Parent().SpanID() != say.SpanContext().SpanID() || deliver.Parent().SpanID() != emit.SpanContext().SpanID() ||
				deliver.SpanContext().TraceID() != say.SpanContext().TraceID() || deliver.SpanKind() != api.SpanKindConsumer {
				t.Errorf("the message is %v, emit below %v, deliver below %v", say.SpanContext(), emit.Parent(), deliver.Parent())
			}
			if got := valueOf(deliver, "gatehouse.recipients"); got.AsInt64() != 1 {
				t.Errorf("delivered to %v", got.String())
			}
			failure, refusal := span(t, recorder, "otel_test.newChat/break"), span(t, recorder, "otel_test.newChat/fail")
			if failure.Status().Code != codes.Error || failure.Status().Description != "broken" || valueOf(failure, "error.type").AsString() != "internal" {
				t.Errorf("status %v, %v", failure.Status(), failure.Attributes())
			}
			if refusal.Status().Code != codes.Unset || valueOf(refusal, "error.type").AsString() != "no_tea" {
				t.Errorf("status %v, %v", refusal.Status(), refusal.Attributes())
			}
			id := failure.SpanContext().TraceID().String()
			testkit.Eventually(t, "the log line of the failure", func() bool { return lines.line(`"gateway failed"`) != "" })
			if line := lines.line(`"gateway failed"`); !strings.Contains(line, `"trace_id":"`+id+`","span_id":"`+failure.SpanContext().SpanID().String()+`"`) {
				t.Errorf("no trace %s in %s", id, line)
			}
		})
	}
}

// TestOneTrace: what a client in a browser sends within its trace, the handler, what that sends, and its way to a client of another
// node are one trace. From a public endpoint, the server's part is a trace of its own, with a link to the client's.
func TestOneTrace(t *testing.T) {
	for _, public := range []bool{false, true} {
		for _, platform := range []string{"ws", "socketio"} {
			t.Run(fmt.Sprintf("%s, public %t", platform, public), func(t *testing.T) {
				c, recorder, _ := traced(t, otel.TracingOptions{Emits: true, PublicEndpoint: public})
				there := c.Node(1).DialWS("/")
				if platform == "ws" {
					browser := rawpeer.Open(t, c.Node(0).URL(), "/")
					browser.Send(`{"event":"say","data":"hello","id":1,"traceparent":"` + parent + `","tracestate":"vendor=1"}`)
				} else {
					there = c.Node(1).DialSocketIO("/")
					c.Node(0).DialSocketIO("/").Call("say", "hello", "tp="+parent)
				}
				if m := there.ExpectMessage("said"); !strings.Contains(string(m.Data), "hello") {
					t.Errorf("got %s", m.Data)
				}
				say, emit, deliver := span(t, recorder, "otel_test.newChat/say"), span(t, recorder, "emit said"), span(t, recorder, "deliver said")
				chain := []api.SpanContext{say.Parent(), say.SpanContext(), emit.SpanContext(), deliver.SpanContext()}
				if public {
					linked := slices.ContainsFunc(say.Links(), func(l trace.Link) bool { return l.SpanContext.SpanID().String() == parent[36:52] })
					if say.Parent().IsValid() || !linked {
						t.Errorf("the message is below %v, with links %v", say.Parent(), say.Links())
					}
					chain = chain[1:]
				} else if say.Parent().TraceID().String() != parent[3:35] || say.Parent().SpanID().String() != parent[36:52] {
					t.Errorf("the message is below %v", say.Parent())
				}
				for _, sc := range chain[1:] {
					if sc.TraceID() != chain[0].TraceID() {
						t.Errorf("traces %v", chain)
					}
				}
				if emit.Parent().SpanID() != say.SpanContext().SpanID() || deliver.Parent().SpanID() != emit.SpanContext().SpanID() {
					t.Errorf("emit is below %v, deliver below %v", emit.Parent(), deliver.Parent())
				}
			})
		}
	}
}

func valueOf(s trace.ReadOnlySpan, key string) attribute.Value {
	for _, a := range s.Attributes() {
		if string(a.Key) == key {
			return a.Value
		}
	}
	return attribute.Value{}
}

// TestTraceBelowHTTP: the handshake is below the span of a middleware, whatever its headers say.
func TestTraceBelowHTTP(t *testing.T) {
	of := api.NewSpanContext(api.SpanContextConfig{TraceID: api.TraceID{1}, SpanID: api.SpanID{2}, TraceFlags: api.FlagsSampled})
	middleware := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(api.ContextWithSpanContext(r.Context(), of)))
		})
	}
	for _, platform := range []string{"ws", "socketio"} {
		t.Run(platform, func(t *testing.T) {
			c, recorder, _ := traced(t, otel.TracingOptions{}, app.Use(middleware))
			if platform == "ws" {
				c.Node(0).DialWS("/", withParent())
			} else {
				c.Node(0).DialSocketIO("/", withParent())
			}
			if got := span(t, recorder, "connect /").Parent(); got.TraceID() != of.TraceID() || got.SpanID() != of.SpanID() {
				t.Errorf("connect is below %v", got)
			}
		})
	}
}

// TestSpansOfThePage: an application makes the spans that docs/observability.md lists, with their kinds and attributes, and no others.
func TestSpansOfThePage(t *testing.T) {
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `?([a-z]+)`?( and [^|]*|,[^|]*)? \\| (server|client|producer|consumer|internal) \\| [^|]+ \\| ([^|]+) \\|").FindAllStringSubmatch(pageText(t), -1) {
		var attrs []string
		for _, a := range regexp.MustCompile("`([a-z]+\\.[a-z_.]+)`").FindAllStringSubmatch(m[4], -1) {
			attrs = append(attrs, a[1])
		}
		slices.Sort(attrs)
		rows[m[1]] = m[3] + " " + strings.Join(attrs, " ")
	}
	if len(rows) != 6 {
		t.Fatalf("the page has %d spans: %v", len(rows), rows)
	}
	c, recorder, _ := traced(t, otel.TracingOptions{Emits: true})
	use(t, c)
	c.Node(1).DialSocketIO("/").Close()
	c.Stop(0)
	got := map[string]map[string]bool{}
	kinds := map[string]string{}
	for _, s := range recorder.Ended() {
		name, _, _ := strings.Cut(s.Name(), " ")
		if strings.Contains(name, "/") || name == "_other" {
			name = "gateway"
		}
		if got[name] == nil {
			got[name] = map[string]bool{}
		}
		kinds[name] = s.SpanKind().String()
		for _, a := range s.Attributes() {
			got[name][string(a.Key)] = true
		}
		for _, e := range s.Events() {
			for _, a := range e.Attributes {
				got[name][string(a.Key)] = true
			}
		}
	}
	for name, row := range rows {
		if _, ok := got[name]; !ok {
			t.Errorf("there is no span %s", name)
			continue
		}
		want := strings.Fields(row)
		for key := range got[name] {
			if !slices.Contains(want, key) {
				t.Errorf("%s has %s, which the page does not list", name, key)
			}
		}
		for _, key := range want[1:] {
			if !got[name][key] && key != "error.type" {
				t.Errorf("%s has no %s", name, key)
			}
		}
		if kinds[name] != want[0] {
			t.Errorf("%s is of kind %s, the page has %s", name, kinds[name], want[0])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("spans that are not on the page: %v", slices.Sorted(maps.Keys(got)))
	}
}

// TestSpansWithinTraces: without Emits, and outside of a trace, what is sent has no spans; without a sampled trace neither.
func TestSpansWithinTraces(t *testing.T) {
	c, recorder, _ := traced(t, otel.TracingOptions{})
	here, there := c.Node(0).DialWS("/"), c.Node(1).DialWS("/")
	here.Call("say", "hello")
	there.ExpectMessage("said")
	if err := said.Emit(context.Background(), apptest.Get[*chat](c.Node(0)).Server, "by the server"); err != nil {
		t.Fatal(err)
	}
	there.ExpectMessage("said")
	deliver := span(t, recorder, "deliver said")
	if say := span(t, recorder, "otel_test.newChat/say"); deliver.Parent().SpanID() != say.SpanContext().SpanID() {
		t.Errorf("deliver is below %v", deliver.Parent())
	}
	n := 0
	for _, s := range recorder.Ended() {
		switch {
		case s.Name() == "deliver said":
			n++
		case strings.HasPrefix(s.Name(), "emit"):
			t.Errorf("there is a span %s", s.Name())
		}
	}
	if n != 1 {
		t.Errorf("%d spans of delivery, want that of the event within a trace", n)
	}
}

// TestTraceparent: the text is that of the W3C trace context.
func TestTraceparent(t *testing.T) {
	s := api.NewSpanContext(api.SpanContextConfig{
		TraceID: api.TraceID{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c},
		SpanID:  api.SpanID{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}, TraceFlags: api.FlagsSampled,
	})
	if got := otel.Traceparent(api.ContextWithSpanContext(t.Context(), s)); got != parent {
		t.Errorf("got %q", got)
	}
	if got := otel.Traceparent(t.Context()); got != "" {
		t.Errorf("got %q without a span", got)
	}
}

// TestSlogHandler: the ids are at the top level, beside attributes and outside of groups, and only where there is a span.
func TestSlogHandler(t *testing.T) {
	var b bytes.Buffer
	without := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}}
	l := slog.New(otel.SlogHandler(slog.NewJSONHandler(&b, without)))
	ctx := api.ContextWithSpanContext(t.Context(), api.NewSpanContext(api.SpanContextConfig{TraceID: api.TraceID{1}, SpanID: api.SpanID{2}}))
	const ids = `"trace_id":"01000000000000000000000000000000","span_id":"0200000000000000"`
	grouped := l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("").WithGroup("h")
	grouped.InfoContext(ctx, "x", "c", 3)
	l.With("a", 1).InfoContext(ctx, "x", "c", 3)
	grouped.InfoContext(t.Context(), "x", "c", 3)
	l.DebugContext(ctx, "not logged")
	want := `{"msg":"x","a":1,` + ids + `,"g":{"b":2,"h":{"c":3}}}` + "\n" +
		`{"msg":"x","a":1,` + ids + `,"c":3}` + "\n" +
		`{"msg":"x","a":1,"g":{"b":2,"h":{"c":3}}}` + "\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
