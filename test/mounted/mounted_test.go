package mounted_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/test/mounted"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	goleak.VerifyTestMain(m)
}

type rooms struct{}

func newRooms() *rooms { return &rooms{} }

func (g *rooms) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", g.echo)}
}

func (*rooms) echo(_ context.Context, s string) (string, error) { return s, nil }

func (*rooms) Routes(r chi.Router) {
	r.Get("/rooms/{room}", web.JSON(func(_ context.Context, in struct {
		Room string `path:"room"`
	},
	) (string, error) {
		return in.Room, nil
	}))
	r.Get("/", web.JSON(func(context.Context, struct{}) (string, error) { return "root", nil }))
}

// module serves plain WebSockets at /live, Socket.IO at /socket.io/, and routes.
func both(opts ...websockets.Option) *module.Module {
	return module.New("mounted", module.Providers(websockets.Gateway(newRooms,
		append(opts, websockets.Via(ws.New(), websockets.Path("/live")), websockets.Via(socketio.New()))...)))
}

// start starts an application in another router, and returns the URL of that.
func start(t *testing.T, mount func(*app.App) http.Handler, opts ...app.Option) string {
	t.Helper()
	a, err := app.New(both(), append(opts, app.Mounted(), app.Logger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(mount(a))
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		srv.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return srv.URL
}

func do(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(b)
}

// TestField_X59_Mounted: An application in another router below a path served its controllers and not its gateways
// (chi), listed every method with 405, and redirected out of the path; in net/http, chi, gin and echo it serves the
// same as at the root.
func TestField_X59_Mounted(t *testing.T) {
	for name, mount := range map[string]func(*app.App) http.Handler{
		"nethttp": mounted.NetHTTP, "chi": mounted.Chi, "gin": mounted.Gin, "echo": mounted.Echo,
		"chi, deeper":              chiDeeper,
		"chi, stripped":            chiStripped,
		"chi, stripped in a route": chiStrippedInRoute,
		"chi in net/http":          chiInMux,
	} {
		t.Run(name, func(t *testing.T) {
			url := start(t, mount) + "/chat"
			if got := apptest.Call[string](apptest.DialWS(t, url+"/live"), "echo", "hello"); got != "hello" {
				t.Errorf("WebSocket: %q", got)
			}
			if got := apptest.Call[string](apptest.DialSocketIO(t, strings.TrimSuffix(url, "/chat"), apptest.WithPath("/chat/socket.io/")), "echo", "hello"); got != "hello" {
				t.Errorf("Socket.IO: %q", got)
			}
			_, open := do(t, http.MethodGet, url+"/socket.io/?EIO=4&transport=polling", "")
			var session struct{ SID string }
			if err := json.Unmarshal([]byte(strings.TrimPrefix(open, "0")), &session); err != nil || session.SID == "" {
				t.Errorf("polling: %s", open)
			}
			do(t, http.MethodPost, url+"/socket.io/?EIO=4&transport=polling&sid="+session.SID, "1")

			for target, want := range map[string]string{
				"GET /rooms/tea":        `200 "tea"`,
				"GET /rooms/tea%2Fcake": `200 "tea/cake"`,
				"GET /":                 `200 "root"`,
				"GET /nowhere":          `404 {"statusCode":404,"message":"Cannot GET /nowhere","error":"Not Found"}`,
				"POST /rooms/tea":       `405 {"statusCode":405,"message":"Cannot POST /rooms/tea","error":"Method Not Allowed"}`,
				"GET /live":             `426 {"statusCode":426,"message":"This is a WebSocket: send an upgrade request with HTTP/1.1","error":"Upgrade Required","code":"upgrade_required"}`,
			} {
				method, path, _ := strings.Cut(target, " ")
				r, body := do(t, method, url+path, "")
				if got := r.Status[:3] + " " + strings.TrimSpace(body); got != want {
					t.Errorf("%s: %s, want %s", target, got, want)
				}
				if allow := r.Header.Get("Allow"); r.StatusCode == http.StatusMethodNotAllowed && allow != "GET, HEAD" {
					t.Errorf("%s: Allow: %s", target, allow)
				}
			}
			// No redirect leads out of the path.
			for _, path := range []string{"", "//live", "/rooms/../live"} {
				if r, _ := do(t, http.MethodGet, url+path, ""); r.Header.Get("Location") != "" && !strings.HasPrefix(r.Header.Get("Location"), "/chat") {
					t.Errorf("%q: redirected to %s", path, r.Header.Get("Location"))
				}
			}
		})
	}
}

func chiDeeper(a *app.App) http.Handler {
	r := chi.NewRouter()
	r.Route("/chat", func(r chi.Router) { r.Mount("/", a.Handler()) })
	return r
}

func chiStripped(a *app.App) http.Handler {
	r := chi.NewRouter()
	r.Handle("/chat*", http.StripPrefix("/chat", a.Handler()))
	return r
}

func chiStrippedInRoute(a *app.App) http.Handler {
	r := chi.NewRouter()
	r.Route("/", func(r chi.Router) { r.Handle("/chat*", http.StripPrefix("/chat", a.Handler())) })
	return r
}

func chiInMux(a *app.App) http.Handler {
	r := chi.NewRouter()
	r.Mount("/", a.Handler())
	mux := http.NewServeMux()
	mux.Handle("/chat/", http.StripPrefix("/chat", r))
	return mux
}

// OpenTelemetry around everything, also in another router.
func TestOTelHTTP(t *testing.T) {
	wrap := otelhttp.NewMiddleware("app")
	url := start(t, mounted.Gin, app.Use(wrap)) + "/chat"
	if got := apptest.Call[string](apptest.DialWS(t, url+"/live"), "echo", "hello"); got != "hello" {
		t.Errorf("WebSocket: %q", got)
	}
	if got := apptest.Call[string](apptest.DialSocketIO(t, strings.TrimSuffix(url, "/chat"), apptest.WithPath("/chat/socket.io/")), "echo", "hello"); got != "hello" {
		t.Errorf("Socket.IO: %q", got)
	}
	if _, body := do(t, http.MethodGet, url+"/rooms/tea", ""); strings.TrimSpace(body) != `"tea"` {
		t.Errorf("a route: %s", body)
	}
}
