// Package test_test has black-box tests: complete applications with clients in other
// languages.
package test_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// These tests follow NestJS' integration tests for WebSockets
// (integration/websockets/e2e), with the same names and npm clients. Comments explain
// intended differences.

// body is a JSON object.
type body map[string]any

var testBody = body{"test": "test"}

// pushGateway answers "push" with the event "pop" and its payload.
type pushGateway struct {
	Server *websockets.Server `websockets:"server"`
}

func (g *pushGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("push", g.Push)}
}

func (*pushGateway) Push(_ context.Context, data body) (websockets.Response[body], error) {
	return websockets.Respond("pop", data), nil
}

// namespaceGateway is the second of "two gateways", with the same handler.
type namespaceGateway struct {
	Server *websockets.Server `websockets:"server"`
	push   pushGateway
}

func (g *namespaceGateway) Subscriptions() []websockets.Subscription { return g.push.Subscriptions() }

func newPush() *pushGateway           { return &pushGateway{} }
func newNamespace() *namespaceGateway { return &namespaceGateway{} }

// newApp starts an application of one module with these providers.
func newApp(t *testing.T, adapter adapter.Adapter, providers ...any) *apptest.App {
	t.Helper()
	return apptest.New(t, module.New("program", module.Exports(providers...)), apptest.With(app.WebSockets(adapter)))
}

// ownPort sets a separate listener, on a free port.
func ownPort() websockets.Option { return websockets.Addr("127.0.0.1:0") }

func ownURL(s *websockets.Server) string { return "http://" + s.Addr().String() }

// sameJSON compares JSON values, ignoring order and space.
func sameJSON(t *testing.T, what string, got json.RawMessage, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: JSON of the test: %v", what, err)
	}
	if err := json.Unmarshal(got, &g); err != nil || !reflect.DeepEqual(g, w) {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// oneJSON is sameJSON for a single argument.
func oneJSON(t *testing.T, what string, args []json.RawMessage, want string) {
	t.Helper()
	if len(args) != 1 {
		t.Errorf("%s: got %d arguments %s, want one: %s", what, len(args), args, want)
		return
	}
	sameJSON(t, what, args[0], want)
}

func pushPop(t *testing.T, c *nodetest.Client) {
	t.Helper()
	c.Emit("push", testBody)
	oneJSON(t, "pop", c.Expect("pop").Args, `{"test":"test"}`)
}

// patternGateway answers any event with the event's name. NestJS' program reads the
// pattern in an interceptor and in a filter. Here a Fallback handler receives it, and
// the exception of a failing stream has it as cause.pattern.
type patternGateway struct{}

func newPattern() *patternGateway { return &patternGateway{} }

func (g *patternGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Stream("getClientWithError", g.Fail),
		websockets.Fallback(g.Any),
	}
}

func (*patternGateway) Any(_ context.Context, event string, p websockets.Payload) (websockets.Response[body], error) {
	var data body
	if err := p.Decode(&data); err != nil {
		return websockets.Response[body]{}, err
	}
	if data == nil {
		data = body{}
	}
	data["path"] = event
	return websockets.Respond("popClient", data), nil
}

func (*patternGateway) Fail(context.Context, body) iter.Seq2[websockets.Response[body], error] {
	return func(yield func(websockets.Response[body], error) bool) {
		yield(websockets.Response[body]{}, websockets.NewError("This is an error"))
	}
}

func TestGateway(t *testing.T) {
	t.Run("2nd port", func(t *testing.T) {
		a := newApp(t, socketio.New(), websockets.Gateway(newPush, ownPort()))
		url := ownURL(apptest.Get[*pushGateway](a).Server)
		if url == a.URL() {
			t.Fatalf("the gateway is on the HTTP server, %s", url)
		}
		n := nodetest.Start(t)
		pushPop(t, n.SocketIO(url, nil))
		if _, err := n.TrySocketIO(a.URL(), nil); err == nil {
			t.Error("the HTTP port serves the gateway as well")
		}
	})

	t.Run("http port", func(t *testing.T) {
		a := newApp(t, socketio.New(), websockets.Gateway(newPush))
		pushPop(t, nodetest.Start(t).SocketIO(a.URL(), nil))
	})

	t.Run("two gateways", func(t *testing.T) {
		a := newApp(t, socketio.New(),
			websockets.Gateway(newPush, ownPort()),
			websockets.Gateway(newNamespace, ownPort(), websockets.Namespace("test")))
		root, nsp := apptest.Get[*pushGateway](a), apptest.Get[*namespaceGateway](a)
		if ownURL(root.Server) != ownURL(nsp.Server) {
			t.Fatalf("two servers, %s and %s, for equal ports", ownURL(root.Server), ownURL(nsp.Server))
		}
		n := nodetest.Start(t)
		c, d := n.SocketIO(ownURL(root.Server), nil), n.SocketIO(ownURL(root.Server)+"/test", nil)
		d.Emit("push", body{"test": "namespace"})
		c.Emit("push", testBody)
		oneJSON(t, "root", c.Expect("pop").Args, `{"test":"test"}`)
		oneJSON(t, "namespace", d.Expect("pop").Args, `{"test":"namespace"}`)
		if r, s := root.Server.Local().Len(), nsp.Server.Local().Len(); r != 1 || s != 1 {
			t.Errorf("the gateways count %d and %d clients, want 1 and 1", r, s)
		}
	})

	t.Run("pattern in interceptor", func(t *testing.T) {
		a := newApp(t, socketio.New(), websockets.Gateway(newPattern))
		c := nodetest.Start(t).SocketIO(a.URL(), nil)
		c.Emit("getClient", testBody)
		oneJSON(t, "popClient", c.Expect("popClient").Args, `{"test":"test","path":"getClient"}`)
	})

	t.Run("pattern in filter", func(t *testing.T) {
		a := newApp(t, socketio.New(), websockets.Gateway(newPattern))
		c := nodetest.Start(t).SocketIO(a.URL(), nil)
		c.Emit("getClientWithError", testBody)
		// The filter of NestJS' program writes {pattern,message}; this is the exception without a filter.
		oneJSON(t, "exception", c.Expect("exception").Args,
			`{"status":"error","message":"This is an error","cause":{"pattern":"getClientWithError","data":{"test":"test"}}}`)
	})

	t.Run("shared HTTP server with open SSE and socket", func(t *testing.T) {
		// NestJS waits forever. Here the deadline of Stop closes the stream, Stop
		// returns an error, and OnApplicationShutdown still runs.
		s, c := startSSE(t, false)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := s.app.App().Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop: %v, want that the deadline was exceeded", err)
		}
		s.stopped(t, c)
	})

	t.Run("shared HTTP server with open SSE and socket, forceCloseConnections", func(t *testing.T) {
		// Gatehouse has no such option: a controller ends its streams in
		// BeforeApplicationShutdown, and Stop returns quickly without an error.
		s, c := startSSE(t, true)
		ctx, cancel := context.WithTimeout(t.Context(), nodetest.Timeout)
		defer cancel()
		if err := s.app.App().Stop(ctx); err != nil {
			t.Errorf("Stop: %v", err)
		}
		s.stopped(t, c)
	})
}

// sseController holds a stream of server-sent events open.
type sseController struct {
	closesStreams bool // ends its streams when the application stops
	end           chan struct{}
	down          chan struct{}
	app           *apptest.App
}

func (s *sseController) Routes(r chi.Router) { r.Get("/sse", s.stream) }

func (s *sseController) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = w.Write([]byte("data: hello\n\n"))
	_ = http.NewResponseController(w).Flush()
	select {
	case <-s.end:
	case <-r.Context().Done():
	}
}

func (s *sseController) BeforeApplicationShutdown(context.Context) error {
	if s.closesStreams {
		close(s.end)
	}
	return nil
}

func (s *sseController) OnApplicationShutdown(context.Context) error {
	close(s.down)
	return nil
}

// startSSE opens a stream and a socket on one HTTP server.
func startSSE(t *testing.T, closesStreams bool) (*sseController, *nodetest.Client) {
	t.Helper()
	s := &sseController{closesStreams: closesStreams, end: make(chan struct{}), down: make(chan struct{})}
	root := module.New("program",
		module.Exports(websockets.Gateway(newPush)),
		module.Controllers(func() *sseController { return s }))
	s.app = apptest.New(t, root, apptest.With(app.WebSockets(socketio.New())))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.app.URL()+"/sse", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	hello := make([]byte, len("data: hello"))
	if _, err := res.Body.Read(hello); err != nil || string(hello) != "data: hello" {
		t.Fatalf("the stream starts with %q, %v", hello, err)
	}
	c := nodetest.Start(t).SocketIO(s.app.URL(), nodetest.Opts{"transports": []string{"websocket"}})
	pushPop(t, c)
	return s, c
}

func (s *sseController) stopped(t *testing.T, c *nodetest.Client) {
	t.Helper()
	select {
	case <-s.down:
	default:
		t.Error("Stop returned before OnApplicationShutdown")
	}
	if end := c.ExpectEnd(); end.Reason != "transport close" {
		t.Errorf("the socket closed with %+v", end)
	}
}
