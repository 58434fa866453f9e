package app_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type echoGateway struct{}

func newEchoGateway() *echoGateway { return &echoGateway{} }

func (g *echoGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", g.echo)}
}

func (*echoGateway) echo(_ context.Context, s string) (string, error) { return s, nil }

// HandleConnection reads what middleware has added to the context of the handshake.
func (*echoGateway) HandleConnection(_ context.Context, c websockets.Client) error {
	return c.Emit(context.Background(), "id", middleware.GetReqID(c.Request().Context()))
}

type textController struct{}

func newTextController() *textController { return &textController{} }

func (*textController) Routes(r chi.Router) {
	r.Get("/text", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, middleware.GetReqID(r.Context())+strings.Repeat("text ", 1000))
	})
}

// served is a module with a gateway and a controller.
func served(opts ...websockets.Option) *module.Module {
	return module.New("served", module.Providers(websockets.Gateway(newEchoGateway, opts...)), module.Controllers(newTextController))
}

// seen is a middleware that notes requests.
type seen struct {
	mu   sync.Mutex
	list []string
}

func (s *seen) wrap(name string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.list = append(s.list, name+" "+r.URL.Path)
			s.mu.Unlock()
			next.ServeHTTP(w, r)
		})
	}
}

func (s *seen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.Join(s.list, ", ")
	s.list = nil
	return all
}

func getText(t *testing.T, url string) (status int, body string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// Middleware of Use runs for routes, unknown paths, handshakes and gateways' own ports; in
// order, and its context reaches handlers and hooks.
func TestUse(t *testing.T) {
	s := &seen{}
	a := apptest.New(t, served(), apptest.With(app.WebSockets(ws.New()),
		app.Use(middleware.RequestID, s.wrap("first")), app.Use(s.wrap("second"))))
	if status, body := getText(t, a.URL()+"/text"); status != http.StatusOK || strings.HasPrefix(body, "text") {
		t.Errorf("status %d, without the id of the request: %.20q", status, body)
	}
	if got := s.take(); got != "first /text, second /text" {
		t.Errorf("a route: %s", got)
	}
	if status, _ := getText(t, a.URL()+"/nowhere"); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	if got := s.take(); got != "first /nowhere, second /nowhere" {
		t.Errorf("an unknown path: %s", got)
	}
	c := a.DialWS("/")
	if id := apptest.Expect[string](c, "id"); id == "" {
		t.Error("HandleConnection has no id of the request")
	}
	if got := apptest.Call[string](c, "echo", "hello"); got != "hello" {
		t.Errorf("echo: %q", got)
	}
	if got := s.take(); got != "first /, second /" {
		t.Errorf("a handshake: %s", got)
	}

	own := apptest.New(t, served(websockets.Addr("127.0.0.1:0")), apptest.With(app.WebSockets(ws.New()), app.Use(s.wrap("own"))))
	apptest.DialWS(t, "http://"+own.App().Gateways()[0].Endpoints[0].Addr.String())
	if got := s.take(); got != "own /" {
		t.Errorf("a port of its own: %s", got)
	}

	mounted := mount(t, app.WebSockets(ws.New()), app.Use(s.wrap("mounted")))
	apptest.DialWS(t, mounted)
	if got := s.take(); got != "mounted /" {
		t.Errorf("mounted: %s", got)
	}
}

// mount starts an application in another server, and returns its URL.
func mount(t *testing.T, opts ...app.Option) string {
	t.Helper()
	a, err := app.New(served(), append(opts, app.Mounted(), quiet())...)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a.Handler())
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	return srv.URL
}

// Middleware that knows how to wrap a ResponseWriter lets WebSockets through.
func TestUseThatWraps(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"Compress": middleware.Compress(5),
		"Logger":   middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: discard{}, NoColor: true}),
		"Unwrap": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unwrapping{w}, r) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t, served(), apptest.With(app.WebSockets(ws.New()), app.Use(wrap)))
			if got := apptest.Call[string](a.DialWS("/"), "echo", "hello"); got != "hello" {
				t.Errorf("echo: %q", got)
			}
			if status, body := getText(t, a.URL()+"/text"); status != http.StatusOK || len(body) < 5000 {
				t.Errorf("status %d, %d bytes", status, len(body))
			}
			io := apptest.New(t, served(), apptest.With(app.WebSockets(socketio.New()), app.Use(wrap)))
			if got := apptest.Call[string](io.DialSocketIO("/"), "echo", "hello"); got != "hello" {
				t.Errorf("Socket.IO: echo: %q", got)
			}
			if got := poll(t, io.URL()+"/socket.io/?EIO=4&transport=polling"); !strings.HasPrefix(got, `40{"sid":`) {
				t.Errorf("polling: %q", got)
			}
		})
	}
}

// poll connects to a namespace by polling, and returns the packet that answers.
func poll(t *testing.T, url string) string {
	t.Helper()
	_, open := getText(t, url)
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	post := func(packet string) {
		r, err := http.Post(url+"&sid="+sid, "text/plain", strings.NewReader(packet))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
	}
	post("40")
	_, packet := getText(t, url+"&sid="+sid)
	post("1") // close
	return packet
}

type discard struct{}

func (discard) Print(...any) {}

type unwrapping struct{ http.ResponseWriter }

func (w unwrapping) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type hiding struct{ http.ResponseWriter }

func hidden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(hiding{w}, r) })
}

func timeouts(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Minute, "") }

// Middleware that hides the connection is named, on each platform.
func TestUseThatHides(t *testing.T) {
	for name, c := range map[string]struct {
		use  app.Option
		want []string
	}{
		"TimeoutHandler": {
			app.Use(middleware.RequestID, timeouts, middleware.Compress(5)),
			[]string{"number 2 of app.Use (app/middleware_test.go:", "app_test.timeouts", "compressResponseWriter"},
		},
		"a writer without Unwrap": {app.Use(hidden), []string{"number 1 of app.Use", "app_test.hidden", "app_test.hiding"}},
	} {
		for platform, via := range map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New()} {
			t.Run(name+" "+platform, func(t *testing.T) {
				var log testkit.Log
				a := apptest.New(t, served(), apptest.With(app.WebSockets(via), c.use, app.Logger(log.Logger(slog.LevelInfo))))
				target := a.URL()
				if platform == "socketio" {
					target += "/socket.io/?EIO=4&transport=websocket"
				}
				_, err := apptest.TryDialWS(t, target)
				if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != http.StatusInternalServerError {
					t.Errorf("the handshake: %v", err)
				}
				if lines := log.Lines(append([]string{"level=ERROR", "Unwrap() http.ResponseWriter"}, c.want...)...); len(lines) != 1 {
					t.Errorf("log:\n%s", log.String())
				}
				if status, body := getText(t, a.URL()+"/text"); status != http.StatusOK || len(body) < 5000 {
					t.Errorf("a route: status %d, %d bytes", status, len(body))
				}
			})
		}
	}
}

// A panic is answered and logged, as one of a handler.
func TestUseThatPanics(t *testing.T) {
	var log testkit.Log
	a := apptest.New(t, served(), apptest.With(app.WebSockets(ws.New()), app.Logger(log.Logger(slog.LevelInfo)),
		app.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					panic("boom")
				}
				next.ServeHTTP(w, r)
			})
		})))
	if status, body := getText(t, a.URL()); status != http.StatusInternalServerError || !strings.Contains(body, "Internal server error") {
		t.Errorf("status %d: %s", status, body)
	}
	if lines := log.Lines("level=ERROR", "panic in middleware", "boom"); len(lines) != 1 {
		t.Errorf("log:\n%s", log.String())
	}
}

func TestUseMistakes(t *testing.T) {
	err := app.Validate(served(), app.Use(middleware.RequestID, nil), app.WebSockets(ws.New()))
	const want = "app: Use (app/middleware_test.go:"
	if err == nil || !strings.Contains(err.Error(), want) ||
		!strings.Contains(err.Error(), "): middleware 2 is nil: pass a func(http.Handler) http.Handler") {
		t.Errorf("Validate: %v", err)
	}
	nothing := func(http.Handler) http.Handler { return nil }
	a, err := app.New(served(), app.Use(nothing), app.WebSockets(ws.New()), app.HTTP("127.0.0.1:0"), quiet())
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "app: middleware number 1 of app.Use (app/middleware_test.go:") ||
		!strings.HasSuffix(err.Error(), "returned nil: return the handler, wrapped or not") {
		t.Errorf("Start: %v", err)
	}
}

// A guard sees the context of middleware.
func TestUseBeforeGuards(t *testing.T) {
	s := make(chan string, 1)
	guard := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		s <- middleware.GetReqID(c.Request.Context())
		return nil
	})
	a := apptest.New(t, served(websockets.UseGuards(guard)), apptest.With(app.WebSockets(ws.New()), app.Use(middleware.RequestID)))
	a.DialWS("/")
	if id := testkit.Receive(t, "the guard", s); id == "" {
		t.Error("no id of the request")
	}
}
