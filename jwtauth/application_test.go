package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// guardedGateway is bound behind the guard on every platform.
type guardedGateway struct {
	Server    *websockets.Server `websockets:"server"`
	guard     *Guard[claims]
	recovered chan bool // for each client: Client.Recovered()
}

func (d *guardedGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("whoami", whoami(d.guard)),
		d.guard.Refresh("token"),
	}
}

func (d *guardedGateway) HandleConnection(_ context.Context, c websockets.Client) error {
	d.recovered <- c.Recovered()
	if _, ok := d.guard.Get(c); !ok {
		return errors.New("no claims in HandleConnection")
	}
	return nil
}

func whoami(g *Guard[claims]) func(context.Context, struct{}) (string, error) {
	return func(ctx context.Context, _ struct{}) (string, error) {
		c, ok := g.From(ctx)
		if !ok {
			return "", errors.New("no claims")
		}
		return c.Name, nil
	}
}

// openGateway accepts every client; one of its handlers is guarded.
type openGateway struct{ guard *Guard[claims] }

func (l *openGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("hello", func(context.Context, struct{}) (string, error) { return "hello", nil }),
		websockets.On("whoami", whoami(l.guard), websockets.UseGuards(l.guard)),
		l.guard.Refresh("token"),
	}
}

// controller has a guarded and an open route.
type controller struct{ guard *Guard[claims] }

func (o *controller) Routes(r chi.Router) {
	web.Use(r, web.UseGuards(o.guard)).Get("/whoami", func(w http.ResponseWriter, r *http.Request) {
		name, err := whoami(o.guard)(r.Context(), struct{}{})
		if err != nil {
			name = err.Error()
		}
		_, _ = io.WriteString(w, name)
	})
	r.Get("/open", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "open") })
}

// testApp is an application that uses one guard at all its entry points.
type testApp struct {
	*apptest.App
	guard     *Guard[claims]
	clock     *fakeClock
	recovered chan bool
}

const maxClients = 1000 // of one test

func newTestApp(t testing.TB, o Options, sio socketio.Options, opts ...app.Option) *testApp {
	t.Helper()
	h := &testApp{recovered: make(chan bool, 2*maxClients)}
	h.guard, h.clock = newTestGuard(t, o)
	plain, io := ws.New(ws.Options{Subprotocols: []string{"bearer"}}), socketio.New(sio)
	guarded := websockets.UseGuards(func(g *Guard[claims]) pipeline.Guard { return g })
	m := module.New("test",
		module.Providers(
			func() *Guard[claims] { return h.guard },
			websockets.Gateway(func(g *Guard[claims]) *guardedGateway { return &guardedGateway{guard: g, recovered: h.recovered} }, guarded,
				websockets.Via(plain, websockets.Path("/guarded")), websockets.Via(io, websockets.Namespace("guarded"))),
			websockets.Gateway(func(g *Guard[claims]) *openGateway { return &openGateway{g} },
				websockets.Via(plain, websockets.Path("/public")), websockets.Via(io, websockets.Namespace("public"))),
		),
		module.Controllers(func(g *Guard[claims]) *controller { return &controller{g} }))
	h.App = apptest.New(t, m, apptest.With(opts...))
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return h
}

// answer is the response of an entry point.
type answer struct {
	status        int // 0 on a namespace
	code, message string
	challenge     string
}

// do sends a request and reads the answer's body.
func do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func (h *testApp) request(t *testing.T, method, path, body string, header http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	return r
}

func authorization(token string) http.Header {
	if token == "" {
		return http.Header{}
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

func decodeAnswer(t *testing.T, status int, challenge, body string) answer {
	t.Helper()
	var said struct{ Code, Message string }
	if err := json.Unmarshal([]byte(body), &said); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return answer{status, said.Code, said.Message, challenge}
}

// The four entry points. Each returns true, or the error that the client received.

func (h *testApp) route(t *testing.T, token string) (bool, answer) {
	t.Helper()
	res, body := do(t, h.request(t, "GET", "/whoami", "", authorization(token)))
	if res.StatusCode == 200 {
		return body == "Ann", answer{}
	}
	return false, decodeAnswer(t, res.StatusCode, res.Header.Get("WWW-Authenticate"), body)
}

func (h *testApp) upgrade(t *testing.T, token string) (bool, answer) {
	t.Helper()
	header := authorization(token)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(h.request(t, "GET", "/guarded", "", header))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return true, answer{}
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type %s", got)
	}
	return false, decodeAnswer(t, res.StatusCode, res.Header.Get("WWW-Authenticate"), string(body))
}

func authOf(token string) map[string]any {
	if token == "" {
		return map[string]any{}
	}
	return map[string]any{"token": token}
}

func (h *testApp) polling(t *testing.T, token string) (bool, answer) {
	t.Helper()
	const path = "/socket.io/?EIO=4&transport=polling"
	_, open := do(t, h.request(t, "GET", path, "", nil))
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	auth, _ := json.Marshal(authOf(token))
	do(t, h.request(t, "POST", path+"&sid="+sid, "40/guarded,"+string(auth), nil))
	_, got := do(t, h.request(t, "GET", path+"&sid="+sid, "", nil))
	do(t, h.request(t, "POST", path+"&sid="+sid, "1", nil))
	body, rejected := strings.CutPrefix(got, "44/guarded,")
	if !rejected {
		return strings.HasPrefix(got, "40/guarded,"), answer{}
	}
	var said struct {
		Message string
		Data    json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	a := decodeAnswer(t, 0, "", string(said.Data))
	if a.message != said.Message {
		t.Errorf("messages %q and %q", a.message, said.Message)
	}
	return false, a
}

func (h *testApp) namespace(t *testing.T, token string) (bool, answer) {
	t.Helper()
	c, err := apptest.TryDialSocketIO(t, h.URL(), apptest.WithNamespace("/guarded"), apptest.WithAuth(authOf(token)))
	if err == nil {
		return apptest.Call[string](c, "whoami") == "Ann", answer{}
	}
	rejected, ok := errors.AsType[*apptest.DialError](err)
	if !ok {
		t.Fatal(err)
	}
	return false, decodeAnswer(t, rejected.Status, "", string(rejected.Data))
}

func (h *testApp) entryPoints() map[string]func(*testing.T, string) (bool, answer) {
	return map[string]func(*testing.T, string) (bool, answer){
		"route": h.route, "upgrade": h.upgrade, "polling": h.polling, "namespace": h.namespace,
	}
}

func TestEveryEntryPointRejects(t *testing.T) {
	h := newTestApp(t, options(), socketio.Options{})
	messages := map[string]string{CodeMissing: "Token missing", CodeExpired: "Token expired", CodeInvalid: "Token invalid"}
	for name, try := range h.entryPoints() {
		t.Run(name, func(t *testing.T) {
			for _, tt := range badTokens() {
				want := answer{code: tt.code, message: messages[tt.code]}
				if name == "route" || name == "upgrade" {
					want.status, want.challenge = 401, `Bearer error="invalid_token"`
					if tt.code == CodeMissing {
						want.challenge = "Bearer"
					}
				}
				if ok, got := try(t, tt.token); ok || got != want {
					t.Errorf("%s: got %+v, want %+v", tt.name, got, want)
				}
			}
			if ok, got := try(t, good()); !ok {
				t.Errorf("a good token: %+v", got)
			}
		})
	}
	if n := h.guardedClients(t); n > 2 {
		t.Errorf("%d clients are connected", n)
	}
}

// guardedClients returns the number of clients of the guarded gateway.
func (h *testApp) guardedClients(t *testing.T) int {
	t.Helper()
	return apptest.Get[*guardedGateway](h.App).Server.Local().Len()
}

// A token signed with the public key as HMAC secret is rejected everywhere.
func TestEveryEntryPointRejectsPublicKeyAsSecret(t *testing.T) {
	o := options()
	k := makeKeys()
	o.Method = sRS256
	o.Key = &k.rsa.PublicKey
	h := newTestApp(t, o, socketio.Options{})
	for name, try := range h.entryPoints() {
		if ok, got := try(t, sign(sHS256, pemOf(&k.rsa.PublicKey), goodClaims())); ok || got.code != CodeInvalid {
			t.Errorf("%s: %+v", name, got)
		}
		if ok, got := try(t, sign(sRS256, k.rsa, goodClaims())); !ok {
			t.Errorf("%s: a good token: %+v", name, got)
		}
	}
}

// The guard of the application works together with the same guard on a gateway.
func TestGuardOfTheApplication(t *testing.T) {
	h := newTestApp(t, options(), socketio.Options{}, app.UseGuards(func(g *Guard[claims]) pipeline.Guard { return g }))
	for name, try := range h.entryPoints() {
		if ok, got := try(t, ""); ok || got.code != CodeMissing {
			t.Errorf("%s: %+v", name, got)
		}
		if ok, got := try(t, good()); !ok {
			t.Errorf("%s: a good token: %+v", name, got)
		}
	}
	if res, body := do(t, h.request(t, "GET", "/open", "", nil)); res.StatusCode != 401 {
		t.Errorf("an open route: %d %s", res.StatusCode, body)
	}
	_, err := apptest.TryDialWS(t, h.URL()+"/public")
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 401 {
		t.Errorf("an open gateway: %v", err)
	}
	c := h.DialWS("/public", apptest.WithHeader(authorization(good())))
	c.Call("whoami") // checked twice, but one timer
	testkit.Eventually(t, "one timer for each client", func() bool { return h.clock.waiting() == h.guardedClients(t)+1 })
}

func TestHandlerGuard(t *testing.T) {
	h := newTestApp(t, options(), socketio.Options{})
	dials := map[string]func(token string) *apptest.Client{
		"ws": func(token string) *apptest.Client {
			return h.DialWS("/public", apptest.WithHeader(authorization(token)))
		},
		"socketio": func(token string) *apptest.Client { return h.DialSocketIO("/public", apptest.WithAuth(authOf(token))) },
	}
	for name, dial := range dials {
		t.Run(name, func(t *testing.T) {
			for _, tt := range badTokens() {
				c := dial(tt.token)
				if got := apptest.Call[string](c, "hello"); got != "hello" {
					t.Errorf("%s: an open handler returns %q", tt.name, got)
				}
				if e := c.CallError("whoami"); e.Code != tt.code || e.Status != "error" {
					t.Errorf("%s: %+v", tt.name, e)
				}
				c.Close()
			}
			c := dial(good())
			for range 3 {
				if got := apptest.Call[string](c, "whoami"); got != "Ann" {
					t.Errorf("got %q", got)
				}
			}
			c.Close()
		})
	}
	testkit.Eventually(t, "all timers to stop", func() bool { return h.clock.waiting() == 0 })
	c := dials["ws"](good())
	c.Call("whoami")
	h.clock.forward(5 * time.Minute)
	expectExpired(t, c, "ws")
}

func TestSourcesOfHandshakes(t *testing.T) {
	h := newTestApp(t, options(), socketio.Options{})
	cookie := http.Header{"Cookie": {"token=" + good()}}
	for name, dial := range map[string]func() *apptest.Client{
		"header":              func() *apptest.Client { return h.DialWS("/guarded", apptest.WithHeader(authorization(good()))) },
		"cookie":              func() *apptest.Client { return h.DialWS("/guarded", apptest.WithHeader(cookie)) },
		"subprotocol":         func() *apptest.Client { return h.DialWS("/guarded", apptest.WithSubprotocols("bearer", good())) },
		"header on Socket.IO": func() *apptest.Client { return h.DialSocketIO("/guarded", apptest.WithHeader(authorization(good()))) },
		"cookie on Socket.IO": func() *apptest.Client { return h.DialSocketIO("/guarded", apptest.WithHeader(cookie)) },
		"auth":                func() *apptest.Client { return h.DialSocketIO("/guarded", apptest.WithAuth(authOf(good()))) },
	} {
		c := dial()
		if got := apptest.Call[string](c, "whoami"); got != "Ann" {
			t.Errorf("%s: %q", name, got)
		}
		if got := c.Subprotocol(); name == "subprotocol" && got != "bearer" || name != "subprotocol" && got != "" {
			t.Errorf("%s: the server selected the subprotocol %q", name, got)
		}
	}
	_, err := apptest.TryDialWS(t, h.URL()+"/guarded?token="+good())
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 401 {
		t.Errorf("a token in the URL: %v", err)
	}
	_, err = apptest.TryDialWS(t, h.URL()+"/guarded", apptest.WithHeader(http.Header{"Authorization": {"Bearer " + good(), "Bearer " + good()}}))
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 401 || strings.Contains(string(e.Body), good()) {
		t.Errorf("two headers: %v", err)
	}
}
