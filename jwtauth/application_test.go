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
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// desk is what each guarded gateway of the tests can do.
type desk struct {
	Server *websockets.Server `websockets:"server"`
	guard  *Guard[claims]
	back   chan bool // clients, whether they are recovered
}

func (d *desk) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("whoami", whoami(d.guard)),
		d.guard.Refresh("token"),
	}
}

func (d *desk) HandleConnection(_ context.Context, c websockets.Client) error {
	d.back <- c.Recovered()
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

// lobby lets everybody in; one of its handlers is guarded.
type lobby struct{ guard *Guard[claims] }

func (l *lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("hello", func(context.Context, struct{}) (string, error) { return "hello", nil }),
		websockets.On("whoami", whoami(l.guard), websockets.UseGuards(l.guard)),
		l.guard.Refresh("token"),
	}
}

// office has the guarded route.
type office struct{ guard *Guard[claims] }

func (o *office) Routes(r chi.Router) {
	web.Use(r, web.UseGuards(o.guard)).Get("/whoami", func(w http.ResponseWriter, r *http.Request) {
		name, err := whoami(o.guard)(r.Context(), struct{}{})
		if err != nil {
			name = err.Error()
		}
		_, _ = io.WriteString(w, name)
	})
	r.Get("/open", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "open") })
}

// house is an application with one guard at all its doors.
type house struct {
	*apptest.App
	guard *Guard[claims]
	clock *fakeClock
	back  chan bool
}

const crowd = 1000 // at most so many clients in a test

func newHouse(t testing.TB, o Options, sio socketio.Options, opts ...app.Option) *house {
	t.Helper()
	h := &house{back: make(chan bool, 2*crowd)}
	h.guard, h.clock = newTestGuard(t, o)
	plain, io := ws.New(ws.Options{Subprotocols: []string{"bearer"}}), socketio.New(sio)
	guarded := websockets.UseGuards(func(g *Guard[claims]) pipeline.Guard { return g })
	m := module.New("house",
		module.Providers(
			func() *Guard[claims] { return h.guard },
			websockets.Gateway(func(g *Guard[claims]) *desk { return &desk{guard: g, back: h.back} }, guarded,
				websockets.Via(plain, websockets.Path("/desk")), websockets.Via(io, websockets.Namespace("desk"))),
			websockets.Gateway(func(g *Guard[claims]) *lobby { return &lobby{g} },
				websockets.Via(plain, websockets.Path("/lobby")), websockets.Via(io, websockets.Namespace("lobby"))),
		),
		module.Controllers(func(g *Guard[claims]) *office { return &office{g} }))
	h.App = apptest.New(t, m, apptest.With(opts...))
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return h
}

// answer is how a door was answered.
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

func (h *house) request(t *testing.T, method, path, body string, header http.Header) *http.Request {
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

// The four doors. Each gives ok, or the refusal.

func (h *house) route(t *testing.T, token string) (bool, answer) {
	t.Helper()
	res, body := do(t, h.request(t, "GET", "/whoami", "", authorization(token)))
	if res.StatusCode == 200 {
		return body == "Ann", answer{}
	}
	return false, decodeAnswer(t, res.StatusCode, res.Header.Get("WWW-Authenticate"), body)
}

func (h *house) upgrade(t *testing.T, token string) (bool, answer) {
	t.Helper()
	header := authorization(token)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(h.request(t, "GET", "/desk", "", header))
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

func (h *house) polling(t *testing.T, token string) (bool, answer) {
	t.Helper()
	const path = "/socket.io/?EIO=4&transport=polling"
	_, open := do(t, h.request(t, "GET", path, "", nil))
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	auth, _ := json.Marshal(authOf(token))
	do(t, h.request(t, "POST", path+"&sid="+sid, "40/desk,"+string(auth), nil))
	_, got := do(t, h.request(t, "GET", path+"&sid="+sid, "", nil))
	do(t, h.request(t, "POST", path+"&sid="+sid, "1", nil))
	body, refused := strings.CutPrefix(got, "44/desk,")
	if !refused {
		return strings.HasPrefix(got, "40/desk,"), answer{}
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

func (h *house) namespace(t *testing.T, token string) (bool, answer) {
	t.Helper()
	c, err := apptest.TryDialSocketIO(t, h.URL(), apptest.WithNamespace("/desk"), apptest.WithAuth(authOf(token)))
	if err == nil {
		return apptest.Call[string](c, "whoami") == "Ann", answer{}
	}
	refused, ok := errors.AsType[*apptest.DialError](err)
	if !ok {
		t.Fatal(err)
	}
	return false, decodeAnswer(t, refused.Status, "", string(refused.Data))
}

func (h *house) doors() map[string]func(*testing.T, string) (bool, answer) {
	return map[string]func(*testing.T, string) (bool, answer){
		"route": h.route, "upgrade": h.upgrade, "polling": h.polling, "namespace": h.namespace,
	}
}

func TestDoorsRefuse(t *testing.T) {
	h := newHouse(t, options(), socketio.Options{})
	messages := map[string]string{CodeMissing: "Token missing", CodeExpired: "Token expired", CodeInvalid: "Token invalid"}
	for name, try := range h.doors() {
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
		t.Errorf("%d clients are in", n)
	}
}

// guardedClients is how many clients the guarded gateway has.
func (h *house) guardedClients(t *testing.T) int {
	t.Helper()
	return apptest.Get[*desk](h.App).Server.Local().Len()
}

// A public key that is used as a secret, at each door.
func TestDoorsRefusePublicKeyAsSecret(t *testing.T) {
	o := options()
	k := makeKeys()
	o.Method = sRS256
	o.Key = &k.rsa.PublicKey
	h := newHouse(t, o, socketio.Options{})
	for name, try := range h.doors() {
		if ok, got := try(t, sign(sHS256, pemOf(&k.rsa.PublicKey), goodClaims())); ok || got.code != CodeInvalid {
			t.Errorf("%s: %+v", name, got)
		}
		if ok, got := try(t, sign(sRS256, k.rsa, goodClaims())); !ok {
			t.Errorf("%s: a good token: %+v", name, got)
		}
	}
}

// One guard in front of everything, also of what has a guard of its own: the same.
func TestGuardOfTheApplication(t *testing.T) {
	h := newHouse(t, options(), socketio.Options{}, app.UseGuards(func(g *Guard[claims]) pipeline.Guard { return g }))
	for name, try := range h.doors() {
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
	_, err := apptest.TryDialWS(t, h.URL()+"/lobby")
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 401 {
		t.Errorf("an open gateway: %v", err)
	}
	c := h.DialWS("/lobby", apptest.WithHeader(authorization(good())))
	c.Call("whoami") // checked twice, watched once
	eventually(t, "one timer for each client", func() bool { return h.clock.waiting() == h.guardedClients(t)+1 })
}

func TestHandlerGuard(t *testing.T) {
	h := newHouse(t, options(), socketio.Options{})
	dials := map[string]func(token string) *apptest.Client{
		"ws": func(token string) *apptest.Client {
			return h.DialWS("/lobby", apptest.WithHeader(authorization(token)))
		},
		"socketio": func(token string) *apptest.Client { return h.DialSocketIO("/lobby", apptest.WithAuth(authOf(token))) },
	}
	for name, dial := range dials {
		t.Run(name, func(t *testing.T) {
			for _, tt := range badTokens() {
				c := dial(tt.token)
				if got := apptest.Call[string](c, "hello"); got != "hello" {
					t.Errorf("%s: an open handler says %q", tt.name, got)
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
	eventually(t, "the timers' end", func() bool { return h.clock.waiting() == 0 })
	c := dials["ws"](good())
	c.Call("whoami")
	h.clock.forward(5 * time.Minute)
	expectEnd(t, c, "ws")
}

func TestSourcesOfHandshakes(t *testing.T) {
	h := newHouse(t, options(), socketio.Options{})
	cookie := http.Header{"Cookie": {"token=" + good()}}
	for name, dial := range map[string]func() *apptest.Client{
		"header":              func() *apptest.Client { return h.DialWS("/desk", apptest.WithHeader(authorization(good()))) },
		"cookie":              func() *apptest.Client { return h.DialWS("/desk", apptest.WithHeader(cookie)) },
		"subprotocol":         func() *apptest.Client { return h.DialWS("/desk", apptest.WithSubprotocols("bearer", good())) },
		"header on Socket.IO": func() *apptest.Client { return h.DialSocketIO("/desk", apptest.WithHeader(authorization(good()))) },
		"cookie on Socket.IO": func() *apptest.Client { return h.DialSocketIO("/desk", apptest.WithHeader(cookie)) },
		"auth":                func() *apptest.Client { return h.DialSocketIO("/desk", apptest.WithAuth(authOf(good()))) },
	} {
		c := dial()
		if got := apptest.Call[string](c, "whoami"); got != "Ann" {
			t.Errorf("%s: %q", name, got)
		}
		if got := c.Subprotocol(); name == "subprotocol" && got != "bearer" || name != "subprotocol" && got != "" {
			t.Errorf("%s: the server chose the subprotocol %q", name, got)
		}
	}
	_, err := apptest.TryDialWS(t, h.URL()+"/desk?token="+good())
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 401 {
		t.Errorf("a token in the URL: %v", err)
	}
	_, err = apptest.TryDialWS(t, h.URL()+"/desk", apptest.WithHeader(http.Header{"Authorization": {"Bearer " + good(), "Bearer " + good()}}))
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 401 || strings.Contains(string(e.Body), good()) {
		t.Errorf("two headers: %v", err)
	}
}
