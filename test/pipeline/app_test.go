package pipeline_test

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// queryGuard rejects what the client's own query names: deny=message rejects its messages,
// deny=connect /second its connect to that namespace; status=401 selects the error. It has
// no state, so one value is bound everywhere.
type queryGuard struct{}

var guard pipeline.HandshakeGuard = queryGuard{}

func (queryGuard) Check(_ context.Context, c *pipeline.Call) error {
	q := c.Request.URL.Query()
	if deny := q.Get("deny"); deny != string(c.Kind) && deny != string(c.Kind)+" "+c.Pattern {
		return nil
	}
	switch q.Get("status") {
	case "401":
		return &pipeline.Error{
			Message: "Unauthorized", Code: pipeline.CodeUnauthorized, Status: http.StatusUnauthorized,
			Header: http.Header{"Www-Authenticate": {`Bearer realm="test"`}},
		}
	case "429":
		return &pipeline.Error{
			Message: "Too many requests", Code: "rate_limited", Status: http.StatusTooManyRequests,
			Header: http.Header{"Retry-After": {"7"}}, Details: map[string]int{"retryAfter": 7},
		}
	default:
		return pipeline.ErrForbidden
	}
}

func (b queryGuard) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	return b.Check(ctx, c)
}

// history records what hooks and handlers have done, by the row in the client's query.
type history struct {
	mu   sync.Mutex
	rows map[string][]string
}

func (b *history) note(row, what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rows == nil {
		b.rows = map[string][]string{}
	}
	b.rows[row] = append(b.rows[row], what)
}

func (b *history) steps(row string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rows[row]
}

func rowOf(r *http.Request) string { return r.URL.Query().Get("row") }

// gateway has a handler of every kind.
type gateway struct {
	Server *websockets.Server `websockets:"server"`

	history *history
	opts    []websockets.HandlerOption
}

func (g *gateway) note(ctx context.Context, what string) {
	g.history.note(rowOf(websockets.ClientFrom(ctx).Request()), what)
}

func (g *gateway) Subscriptions() []websockets.Subscription {
	background := append([]websockets.HandlerOption{websockets.Background(2)}, g.opts...)
	return []websockets.Subscription{
		websockets.On("on", func(ctx context.Context, n int) (int, error) { g.note(ctx, "on"); return n, nil }, g.opts...),
		websockets.Listen("listen", func(ctx context.Context, _ int) error { g.note(ctx, "listen"); return nil }, g.opts...),
		websockets.Listen("background", func(ctx context.Context, _ int) error { g.note(ctx, "background"); return nil }, background...),
		websockets.Stream("stream", func(ctx context.Context, n int) iter.Seq2[websockets.Response[int], error] {
			g.note(ctx, "stream")
			return func(yield func(websockets.Response[int], error) bool) { yield(websockets.Respond("item", n), nil) }
		}, g.opts...),
		websockets.On("binary", func(ctx context.Context, b []byte) (int, error) { g.note(ctx, "binary"); return len(b), nil }, g.opts...),
		websockets.Fallback(func(ctx context.Context, event string, _ websockets.Payload) (string, error) {
			g.note(ctx, "fallback")
			return event, nil
		}, g.opts...),
	}
}

func (g *gateway) HandleConnection(_ context.Context, c websockets.Client) error {
	g.history.note(rowOf(c.Request()), "connected")
	return c.Emit(context.Background(), "hello", c.Recovered())
}

func (g *gateway) HandleDisconnect(_ context.Context, c websockets.Client, _ websockets.Reason) {
	g.history.note(rowOf(c.Request()), "left")
}

// controller has a route of every kind.
type controller struct {
	history *history
	opts    []web.Option
}

func (d *controller) Routes(r chi.Router) {
	r = web.Use(r, d.opts...)
	r.Get("/plain", d.plain)
	r.Options("/options", d.plain)
	r.Get("/handle", web.Handle(func(w http.ResponseWriter, r *http.Request) error { d.plain(w, r); return nil }))
	r.Post("/json/{id}", web.JSON(d.json))
	r.Route("/deep", func(r chi.Router) {
		r.Use(func(next http.Handler) http.Handler { return next })
		r.Get("/{id}", d.plain)
	})
	r.Mount("/mounted", http.HandlerFunc(d.plain))
	inner := chi.NewRouter()
	inner.Get("/inner", d.plain)
	r.Mount("/router", inner)
	web.Static(r, "/files", files{d.history})
}

func (d *controller) plain(w http.ResponseWriter, r *http.Request) {
	d.history.note(rowOf(r), "route")
	_, _ = io.WriteString(w, "served") // the client may be gone
}

func (d *controller) json(_ context.Context, in struct {
	ID  int    `path:"id"`
	Row string `query:"row"`
	N   int    `json:"n"`
},
) (int, error) {
	d.history.note(in.Row, "route")
	return in.ID + in.N, nil
}

// files serves one page, and records the row in its name: "row.txt".
type files struct{ history *history }

func (f files) Open(name string) (fs.File, error) {
	row, ok := strings.CutSuffix(name, ".txt")
	if !ok {
		return nil, fs.ErrNotExist
	}
	f.history.note(row, "file")
	return fstest.MapFS{"page.txt": {Data: []byte("a page")}}.Open("page.txt")
}

// testApp is an application with every entry point.
type testApp struct {
	history
	url    string   // of its server
	prefix string   // prefix of all its paths
	own    *gateway // the gateway with a separate listener
	client *http.Client
	stop   func()
}

// scope is where the guard is bound.
type scope string

const (
	application scope = "application"
	owner       scope = "gateway or controller"
	handler     scope = "handler or route"
	elsewhere   scope = "application, mounted elsewhere"
)

func newTestApp(t *testing.T, where scope) *testApp {
	t.Helper()
	h := &testApp{}
	onGateway, onController := []websockets.Option{websockets.Origins("*")}, []web.Option{web.Prefix("/api")}
	var onHandler []websockets.HandlerOption
	var onRoute []web.Option
	var onApp []app.Option
	switch where {
	case application, elsewhere:
		onApp = append(onApp, app.UseGuards(guard))
	case owner:
		onGateway, onController = append(onGateway, websockets.UseGuards(guard)), append(onController, web.UseGuards(guard))
	case handler:
		onHandler, onRoute = append(onHandler, websockets.UseGuards(guard)), append(onRoute, web.UseGuards(guard))
	}
	var parts []*module.Module
	serve := func(opts ...websockets.Option) *gateway {
		g := &gateway{history: &h.history, opts: onHandler}
		parts = append(parts, module.New("gateway", module.Providers(
			websockets.Gateway(func() *gateway { return g }, append(opts, onGateway...)...))))
		return g
	}
	sio, plain := socketio.New(), ws.New()
	serve(websockets.Via(plain, websockets.Path("/plain")))
	serve(websockets.Via(sio, websockets.Path("/alone/")))
	serve(websockets.Via(sio))
	serve(websockets.Via(sio, websockets.Namespace("second")))
	serve(websockets.Via(sio, websockets.Namespace("orgs/{org}")))
	serve(websockets.Via(sio, websockets.NamespaceRegexp(regexp.MustCompile(`/room-\d+`))))
	serve(websockets.Via(sio, websockets.NamespaceFunc("tenants", func(n string) bool { return strings.HasPrefix(n, "/tenant-") })))
	serve(websockets.Via(sio, websockets.Namespace("both")), websockets.Via(plain, websockets.Path("/both")))
	same := func(websockets.Client, *websockets.Handshake) bool { return true }
	serve(websockets.Via(sio, websockets.Path("/back/")), socketio.Options{Recovery: &socketio.Recovery{SameClient: same}})
	serve(websockets.Via(sio, websockets.Path("/skip/")), socketio.Options{Recovery: &socketio.Recovery{SkipAdmit: true, SameClient: same}})
	h.own = serve(websockets.Via(plain, websockets.Addr("127.0.0.1:0")))
	d := &controller{&h.history, onRoute}
	root := module.New("test", module.Imports(parts...), module.Controllers(
		web.Controller(func() *controller { return d }, onController...)))
	h.start(t, root, where == elsewhere, onApp)
	return h
}

// start starts the application, on its own server or mounted below a path of another.
func (h *testApp) start(t *testing.T, root *module.Module, mounted bool, opts []app.Option) {
	t.Helper()
	where := app.HTTP("127.0.0.1:0")
	if mounted {
		where = app.Mounted()
	}
	a, err := app.New(root, append(opts, where, quiet())...)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	h.client = &http.Client{Transport: transport}
	shut := transport.CloseIdleConnections
	if mounted {
		h.prefix = "/apps/test"
		mux := http.NewServeMux()
		mux.Handle(h.prefix+"/", http.StripPrefix(h.prefix, a.Handler()))
		other := httptest.NewServer(mux)
		h.url = other.URL
		shut = func() { transport.CloseIdleConnections(); other.Close() }
	} else {
		h.url = "http://" + a.Addr().String()
	}
	h.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		shut()
	})
	t.Cleanup(h.stop)
}
