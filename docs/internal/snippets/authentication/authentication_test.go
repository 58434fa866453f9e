package authentication

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/ask"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var secret = []byte("32 random bytes, from a vault ...")

func start(t *testing.T, m *module.Module, life time.Duration, opts ...app.Option) *apptest.App {
	t.Helper()
	cfg := module.New("config", module.Global(), module.Exports(module.Value(Config{secret, life})))
	return apptest.New(t, module.New("app", module.Imports(cfg, m)), apptest.With(opts...))
}

func login(t *testing.T, a *apptest.App) string {
	t.Helper()
	got := ask.JSON(t, "POST", a.URL()+"/login", `{"name":"ada","password":"engine"}`)
	if got.Status != 201 {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	return got.Field(t, "token")
}

func TestLogin(t *testing.T) {
	a := start(t, Module, time.Hour)
	ask.JSON(t, "POST", a.URL()+"/login", `{"name":"ada","password":"x"}`).
		Want(t, 401, `{"statusCode":401,"message":"Name or password is wrong","error":"Unauthorized","code":"bad_login"}`)
	ask.JSON(t, "GET", a.URL()+"/me", "", "Authorization", "Bearer "+login(t, a)).Want(t, 200, `"ada"`)
	got := ask.JSON(t, "GET", a.URL()+"/me", "")
	got.Want(t, 401, `{"statusCode":401,"message":"Token missing","error":"Unauthorized","code":"token_missing"}`)
	if got.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("header %v", got.Header)
	}
	for range 10 {
		got = ask.JSON(t, "POST", a.URL()+"/login", `{"name":"ada","password":"x"}`)
	}
	if got.Status != 429 || got.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d, %v", got.Status, got.Header)
	}
}

func session(t *testing.T, a *apptest.App) http.Header {
	t.Helper()
	got := ask.JSON(t, "POST", a.URL()+"/session", `{"name":"ada","password":"engine"}`)
	set := got.Header.Get("Set-Cookie")
	if got.Status != 204 || !strings.HasSuffix(set, "; Path=/; HttpOnly; Secure; SameSite=Strict") {
		t.Fatalf("got %d, %q", got.Status, set)
	}
	cookie, _, _ := strings.Cut(set, ";")
	return http.Header{"Cookie": {cookie}}
}

// snippet:tokens
func TestTokens(t *testing.T) {
	a := start(t, Module, time.Hour)
	token, err := apptest.Get[*Issuer](a).Token("ada")
	if err != nil {
		t.Fatal(err)
	}
	client := a.DialSocketIO("/", apptest.WithAuth(map[string]string{"token": token}))
	if got := apptest.Call[string](client, "whoami"); got != "ada" {
		t.Errorf("got %q", got)
	}

	_, err = apptest.TryDialSocketIO(t, a.URL(), apptest.WithAuth(map[string]string{"token": "wrong"}))
	refused, ok := errors.AsType[*apptest.DialError](err)
	if !ok || !strings.Contains(string(refused.Data), `"code":"token_invalid"`) {
		t.Errorf("got %v", err)
	}
}

// end

// snippet:claims
func TestWhoAmI(t *testing.T) {
	guard, err := NewGuard(Config{secret, time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	client := apptest.NewFakeClient("1")
	if err := guard.Set(client, Claims{Name: "ada"}); err != nil {
		t.Fatal(err)
	}
	got, err := NewGateway(guard).WhoAmI(websockets.WithClient(t.Context(), client), struct{}{})
	if err != nil || got != "ada" {
		t.Errorf("got %q, %v", got, err)
	}
}

// end

// A guard of a test that sets claims of the one that it replaces.
func TestOtherGuard(t *testing.T) {
	var guard *Guard
	cfg := module.New("config", module.Global(), module.Exports(module.Value(Config{secret, time.Hour})))
	a := apptest.New(t, module.New("app", module.Imports(cfg, Module)),
		apptest.OverrideGuard[*Guard](pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
			return guard.Set(c, Claims{Name: "bob"})
		})))
	guard = apptest.Get[*Guard](a)
	if got := apptest.Call[string](a.DialSocketIO("/"), "whoami"); got != "bob" {
		t.Errorf("got %q", got)
	}
}

// The four places, on both platforms and on a route.
func TestPlaces(t *testing.T) {
	a := start(t, Module, time.Hour)
	token := login(t, a)
	cookie := session(t, a)
	bearer := http.Header{"Authorization": {"Bearer " + token}}
	for name, c := range map[string]*apptest.Client{
		"header, WebSocket":      a.DialWS("/ws", apptest.WithHeader(bearer)),
		"header, Socket.IO":      a.DialSocketIO("/", apptest.WithHeader(bearer)),
		"auth":                   a.DialSocketIO("/", apptest.WithAuth(map[string]string{"token": token})),
		"subprotocol, WebSocket": a.DialWS("/ws", apptest.WithSubprotocols("bearer", token)),
		"cookie, WebSocket":      a.DialWS("/ws", apptest.WithHeader(cookie)),
		"cookie, Socket.IO":      a.DialSocketIO("/", apptest.WithHeader(cookie)),
	} {
		if got := apptest.Call[string](c, "whoami"); got != "ada" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	ask.JSON(t, "GET", a.URL()+"/me", "", "Cookie", cookie.Get("Cookie")).Want(t, 200, `"ada"`)
	if got := ask.JSON(t, "GET", a.URL()+"/me?token="+token, ""); got.Status != 401 {
		t.Errorf("a token in the URL: %d", got.Status)
	}
}

// The table of refusals.
func TestRefusals(t *testing.T) {
	a := start(t, Module, time.Hour)
	old, err := NewIssuer(Config{secret, -time.Minute}).Token("ada")
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]string{"": "token_missing", old: "token_expired", login(t, a) + "x": "token_invalid"} {
		header := http.Header{}
		if token != "" {
			header.Set("Authorization", "Bearer "+token)
		}
		if got := ask.JSON(t, "GET", a.URL()+"/me", "", "Authorization", header.Get("Authorization")); got.Status != 401 || got.Field(t, "code") != want {
			t.Errorf("route: got %+v, want %s", got, want)
		}
		_, err := apptest.TryDialWS(t, a.URL()+"/ws", apptest.WithHeader(header))
		if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 401 || !strings.Contains(string(e.Body), want) {
			t.Errorf("WebSocket: got %v", err)
		}
		_, err = apptest.TryDialSocketIO(t, a.URL(), apptest.WithAuth(map[string]string{"token": token}))
		e, ok := errors.AsType[*apptest.DialError](err)
		var data struct{ Code string }
		if !ok || json.Unmarshal(e.Data, &data) != nil || data.Code != want {
			t.Errorf("Socket.IO: got %v, %s", err, e.Data)
		}
	}
}

func TestExpiry(t *testing.T) {
	a := start(t, Module, time.Hour)
	short, err := NewIssuer(Config{secret, 2 * time.Second}).Token("ada")
	if err != nil {
		t.Fatal(err)
	}
	plain := a.DialWS("/ws", apptest.WithSubprotocols("bearer", short))
	browser := a.DialSocketIO("/", apptest.WithAuth(map[string]string{"token": short}))
	stays := a.DialSocketIO("/", apptest.WithAuth(map[string]string{"token": short}))

	apptest.Expect[jwtauth.Expiring](stays, "token_expiring")
	if got := apptest.Call[jwtauth.Expiring](stays, "token", login(t, a)); got.ExpiresIn < 3500 || got.ExpiresIn > 3600 {
		t.Errorf("got %+v", got)
	}
	for _, c := range []*apptest.Client{plain, browser} {
		if e := apptest.Expect[apptest.Exception](c, "exception"); e.Code != "token_expired" {
			t.Errorf("got %+v", e)
		}
	}
	if end := plain.ExpectClose(); end.Code != 4401 {
		t.Errorf("closed with %d", end.Code)
	}
	browser.ExpectClose()
	if got := apptest.Call[string](stays, "whoami"); got != "ada" {
		t.Errorf("got %q", got)
	}
	other, err := NewIssuer(Config{secret, time.Hour}).Token("bob")
	if err != nil {
		t.Fatal(err)
	}
	if e := stays.CallError("token", other); e.Code != "token_invalid" || e.Cause != nil {
		t.Errorf("got %+v", e)
	}
}

// A foreign page's handshake with the cookie, and its form.
func TestForeignPages(t *testing.T) {
	a := start(t, Module, time.Hour)
	header := session(t, a)
	header.Set("Origin", "https://evil.example")
	_, err := apptest.TryDialWS(t, a.URL()+"/ws", apptest.WithHeader(header))
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 403 {
		t.Errorf("got %v", err)
	}
	_, err = apptest.TryDialSocketIO(t, a.URL(), apptest.WithHeader(header))
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 403 {
		t.Errorf("got %v", err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/login", strings.NewReader(`{"name":"ada","password":"engine"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/plain") // what a form may send
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 415 {
		t.Errorf("a form: %d", res.StatusCode)
	}
}

func TestEverywhere(t *testing.T) {
	a := start(t, Guarded, time.Hour)
	if got := ask.JSON(t, "GET", a.URL()+"/me", ""); got.Status != 401 {
		t.Errorf("got %d", got.Status)
	}
	token := login(t, a)
	ask.JSON(t, "GET", a.URL()+"/me", "", "Authorization", "Bearer "+token).Want(t, 200, `"ada"`)
	c := a.DialSocketIO("/", apptest.WithAuth(map[string]string{"token": token}))
	if got := apptest.Call[string](c, "whoami"); got != "ada" {
		t.Errorf("got %q", got)
	}
	if _, err := apptest.TryDialSocketIO(t, a.URL()); err == nil {
		t.Error("accepted without a token")
	}
}

func TestLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		opts []app.Option
		do   func(a *apptest.App, token string) (code string)
	}{
		"connections": {[]app.Option{app.UseGuards(ratelimit.Connections(0.01, 2))}, func(a *apptest.App, token string) string {
			_, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithAuth(map[string]string{"token": token}))
			if e, ok := errors.AsType[*apptest.DialError](err); ok && e.Status == 429 {
				return e.Message
			}
			return ""
		}},
		"messages": {[]app.Option{app.UseGuards(ratelimit.Messages(0.01, 1))}, func(a *apptest.App, token string) string {
			c := a.DialSocketIO("/", apptest.WithAuth(map[string]string{"token": token}))
			c.Call("whoami")
			e := c.CallError("whoami")
			if e.Code != ratelimit.CodeRateLimited || string(e.Details) != `{"retryAfter":100}` {
				return e.Code
			}
			return e.Message
		}},
		"requests": {[]app.Option{app.UseGuards(ratelimit.Requests(0.01, 2))}, func(a *apptest.App, _ string) string {
			got := ask.JSON(t, "GET", a.URL()+"/me", "")
			if got.Status != 429 || got.Header.Get("Retry-After") == "" {
				return ""
			}
			return got.Field(t, "message")
		}},
	} {
		a := start(t, Module, time.Hour, tt.opts...)
		token, last := login(t, a), ""
		for range 3 {
			if last = tt.do(a, token); last != "" {
				break
			}
		}
		if last != "Too many requests" {
			t.Errorf("%s: got %q", name, last)
		}
	}
}

// A constructor that another module binds makes no second guard.
func TestOneGuard(t *testing.T) {
	guards := module.New("guards", module.Exports(NewGuard))
	account := module.New("account", module.Imports(guards),
		module.Controllers(web.Controller(NewAccount, web.UseGuards(NewGuard))))
	a := start(t, account, time.Hour)
	token, err := NewIssuer(Config{secret, time.Hour}).Token("ada")
	if err != nil {
		t.Fatal(err)
	}
	got := ask.JSON(t, "GET", a.URL()+"/me", "", "Authorization", "Bearer "+token)
	if got.Status != 200 || got.Body != `"ada"` {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestMistakesInOptions(t *testing.T) {
	_, err := jwtauth.New[Claims](jwtauth.Options{Method: jwt.SigningMethodHS256, Key: []byte("short")})
	if err == nil || !strings.Contains(err.Error(), "at least 32") {
		t.Errorf("got %v", err)
	}
}

// Each user has a burst of 20.
func TestUserLimit(t *testing.T) {
	a := start(t, Limited, time.Hour)
	issuer := NewIssuer(Config{secret, time.Hour})
	statuses := func(user string, n int) (last int) {
		token, err := issuer.Token(user)
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if last = ask.JSON(t, "GET", a.URL()+"/profile", "", "Authorization", "Bearer "+token).Status; last == 429 {
				break
			}
		}
		return last
	}
	if got := statuses("ada", 10_000); got != 429 {
		t.Errorf("ada: %d", got)
	}
	if got := statuses("bob", 20); got != 200 {
		t.Errorf("bob: %d", got)
	}
}

// The log has the user and the id of the request.
func TestLogged(t *testing.T) {
	log := &testkit.Log{}
	a := start(t, Logged, time.Hour, app.Logger(log.Logger(slog.LevelInfo)), app.Use(middleware.RequestID))
	token, err := NewIssuer(Config{secret, time.Hour}).Token("ada")
	if err != nil {
		t.Fatal(err)
	}
	ask.JSON(t, "GET", a.URL()+"/profile", "", "Authorization", "Bearer "+token, "X-Request-Id", "r1").Want(t, 200, `"ada"`)
	testkit.Eventually(t, "the line", func() bool { return len(log.Lines(" user=ada request=r1 ", `pattern="GET /profile"`)) == 1 })
}
