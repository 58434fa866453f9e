package jwtauth

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

var (
	sHS256 = jwt.SigningMethodHS256
	sRS256 = jwt.SigningMethodRS256
)

// dial connects to the guarded gateway and returns after HandleConnection.
func (h *testApp) dial(platform, token string) *apptest.Client {
	var c *apptest.Client
	if platform == "ws" {
		c = h.DialWS("/guarded", apptest.WithHeader(authorization(token)))
	} else {
		c = h.DialSocketIO("/guarded", apptest.WithAuth(authOf(token)))
	}
	<-h.recovered
	return c
}

// expectExpired expects the exception and the close of a client whose token expires.
func expectExpired(t *testing.T, c *apptest.Client, platform string) {
	t.Helper()
	m := c.Next()
	if want := `{"status":"error","message":"Token expired","code":"token_expired"}`; m.Event != "exception" || string(m.Data) != want {
		t.Errorf("got %s, want exception(%s)", m, want)
	}
	want := apptest.Close{Code: 4401, Reason: "token expired"}
	if platform == "socketio" {
		want = apptest.Close{Reason: "io server disconnect"}
	}
	if got := c.ExpectClose(); got != want {
		t.Errorf("closed with %+v, want %+v", got, want)
	}
}

func bothPlatforms(t *testing.T, f func(t *testing.T, platform string)) {
	t.Helper()
	for _, platform := range []string{"ws", "socketio"} {
		t.Run(platform, func(t *testing.T) { f(t, platform) })
	}
}

// A client that only listens is disconnected when its token expires.
func TestIdleConnectionExpires(t *testing.T) {
	bothPlatforms(t, func(t *testing.T, platform string) {
		h := newTestApp(t, options(), socketio.Options{})
		c := h.dial(platform, good())
		longer := h.dial(platform, lasting(time.Hour))
		h.clock.forward(5*time.Minute - time.Second)
		c.ExpectNone("exception", func() { c.Call("whoami") })
		h.clock.forward(time.Second)
		expectExpired(t, c, platform)
		if got := apptest.Call[string](longer, "whoami"); got != "Ann" {
			t.Errorf("the other client: %q", got)
		}
		longer.ExpectNone("token_expiring")
		testkit.Eventually(t, "one client", func() bool { return h.guardedClients(t) == 1 })
	})
}

// A message that arrives after expiry is rejected, even if the timer is late.
func TestMessageAfterExpiry(t *testing.T) {
	bothPlatforms(t, func(t *testing.T, platform string) {
		h := newTestApp(t, options(), socketio.Options{})
		c := h.dial(platform, good())
		h.clock.mu.Lock()
		h.clock.now = noon.Add(5 * time.Minute) // the timer is late
		h.clock.mu.Unlock()
		if e := c.CallError("whoami"); e.Code != CodeExpired || e.Message != "Token expired" {
			t.Errorf("got %+v", e)
		}
	})
}

func TestRefresh(t *testing.T) {
	bothPlatforms(t, func(t *testing.T, platform string) {
		o := options()
		o.RefreshWindow = time.Minute
		h := newTestApp(t, o, socketio.Options{})
		c := h.dial(platform, good())
		h.clock.forward(4 * time.Minute)
		if got := apptest.Expect[Expiring](c, "token_expiring"); got.ExpiresIn != 60 {
			t.Errorf("expires in %d s", got.ExpiresIn)
		}
		token := lasting(10*time.Minute, func(c *claims) { c.Name = "Ann B." })
		if got := apptest.Call[Expiring](c, "token", token); got.ExpiresIn != 360 {
			t.Errorf("the new one expires in %d s", got.ExpiresIn)
		}
		if got := apptest.Call[string](c, "whoami"); got != "Ann B." {
			t.Errorf("claims of %q", got)
		}
		h.clock.forward(4 * time.Minute)
		c.ExpectNone("exception", func() { c.Call("whoami") })
		h.clock.forward(time.Minute)
		apptest.Expect[Expiring](c, "token_expiring")
		h.clock.forward(time.Minute)
		expectExpired(t, c, platform)
	})
}

func TestRefreshWithBadToken(t *testing.T) {
	bothPlatforms(t, func(t *testing.T, platform string) {
		o := options()
		o.RefreshWindow = time.Minute
		h := newTestApp(t, o, socketio.Options{})
		c := h.dial(platform, good())
		h.clock.forward(4 * time.Minute)
		apptest.Expect[Expiring](c, "token_expiring")
		other := lasting(10*time.Minute, func(c *claims) { c.Subject = "u2" })
		e := c.CallError("token", other)
		if e.Code != CodeInvalid || e.Message != "Token invalid" || e.Cause != nil {
			t.Errorf("got %+v", e)
		}
		if e := c.CallError("token"); e.Code != CodeMissing {
			t.Errorf("without a token: %+v", e)
		}
		if e := c.CallError("token", lasting(time.Minute)); e.Code != CodeExpired {
			t.Errorf("an old token: %+v", e)
		}
		for _, frame := range c.Raw().Frames() {
			if strings.Contains(frame, other) {
				t.Errorf("the token is echoed: %s", frame)
			}
		}
		if got := apptest.Call[string](c, "whoami"); got != "Ann" {
			t.Errorf("claims of %q", got)
		}
		h.clock.forward(time.Minute)
		if got := c.ExpectClose(); platform == "ws" && got.Code != 4401 {
			t.Errorf("closed with %+v", got)
		}
	})
}

// Each namespace of a connection has its own token.
func TestNamespacesExpireSeparately(t *testing.T) {
	h := newTestApp(t, options(), socketio.Options{})
	c := h.DialSocketIO("/public")
	c.Raw().Text(fmt.Sprintf(`40/guarded,{"token":%q}`, good()))
	c.Raw().ExpectPrefix("40/guarded,")
	<-h.recovered
	h.clock.forward(5 * time.Minute)
	c.Raw().ExpectPrefix(`42/guarded,["exception",`)
	c.Raw().Expect("41/guarded,")
	if got := apptest.Call[string](c, "hello"); got != "hello" {
		t.Errorf("the other namespace: %q", got)
	}
}

// recoveringClient is a client that can lose its connection and recover its session.
type recoveringClient struct {
	*apptest.Client
	answer, pid, offset string
}

// connect tries to connect a client to the guarded namespace.
func (h *testApp) connect(auth string) recoveringClient {
	c := h.DialSocketIO("/public")
	c.Raw().Text("40/guarded," + auth)
	answer := c.Raw().ExpectPrefix("4")
	_, pid, _ := strings.Cut(answer, `"pid":"`)
	pid, _, _ = strings.Cut(pid, `"`)
	return recoveringClient{Client: c, answer: answer, pid: pid}
}

// disconnected returns a client that was connected and has lost its connection.
func (h *testApp) disconnected(t *testing.T) recoveringClient {
	t.Helper()
	c := h.connect(fmt.Sprintf(`{"token":%q}`, good()))
	if recovered := <-h.recovered; recovered {
		t.Fatal("recovered at once")
	}
	// Only a client whose HandleConnection has returned can be recovered; messages wait for it.
	c.Raw().Text(`42/guarded,1["whoami"]`)
	c.Raw().Expect(`43/guarded,1["Ann"]`)
	for client := range apptest.Get[*guardedGateway](h.App).Server.Local().Clients() {
		_ = client.Emit(t.Context(), "n", 1)
	}
	got := c.Raw().ExpectPrefix(`42/guarded,["n",1,"`)
	c.offset = strings.TrimSuffix(strings.TrimPrefix(got, `42/guarded,["n",1,"`), `"]`)
	c.Abort()
	testkit.Eventually(t, "the timer to stop", func() bool { return h.clock.waiting() == 0 })
	return c
}

func (h *testApp) reconnect(was recoveringClient, token string) recoveringClient {
	return h.connect(fmt.Sprintf(`{"pid":%q,"offset":%q,"token":%q}`, was.pid, was.offset, token))
}

func TestRecoveredClientsAreWatched(t *testing.T) {
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprintf("SkipAdmit %t", skip), func(t *testing.T) {
			h := newTestApp(t, options(), socketio.Options{Recovery: &socketio.Recovery{SkipAdmit: skip}})
			c := h.reconnect(h.disconnected(t), good())
			if recovered := <-h.recovered; !recovered {
				t.Fatal("not recovered")
			}
			c.Raw().Text(`42/guarded,7["whoami"]`)
			c.Raw().Expect(`43/guarded,7["Ann"]`)
			if n := h.clock.waiting(); n != 1 {
				t.Errorf("%d timers for one client", n)
			}
			h.clock.forward(5 * time.Minute)
			c.Raw().ExpectPrefix(`42/guarded,["exception",`)
			c.Raw().Expect("41/guarded,")
		})
	}
}

func TestReconnectWithExpiredToken(t *testing.T) {
	h := newTestApp(t, options(), socketio.Options{Recovery: &socketio.Recovery{}})
	was := h.disconnected(t)
	h.clock.forward(5 * time.Minute)
	c := h.reconnect(was, good())
	if want := `44/guarded,{"message":"Token expired","data":{"status":"error","message":"Token expired","code":"token_expired"}}`; c.answer != want {
		t.Errorf("got %s, want %s", c.answer, want)
	}
}

// A thousand clients that disconnect in different ways leave no timer; TestMain checks
// for goroutines.
func TestManyClientsLeaveNoTimers(t *testing.T) {
	o := options()
	o.RefreshWindow = time.Minute
	h := newTestApp(t, o, socketio.Options{})
	const at = 20 // in parallel
	for start := 0; start < maxClients; start += at {
		var wg sync.WaitGroup
		for i := start; i < start+at; i++ {
			wg.Go(func() {
				platform := []string{"ws", "socketio"}[i%2]
				opts := []apptest.DialOption{apptest.WithHeader(authorization(good()))}
				var c *apptest.Client
				var err error
				if platform == "ws" {
					c, err = apptest.TryDialWS(t, h.URL()+"/guarded", opts...)
				} else {
					c, err = apptest.TryDialSocketIO(t, h.URL(), append(opts, apptest.WithNamespace("/guarded"))...)
				}
				if err != nil {
					t.Error(err)
					return
				}
				switch i / 2 % 3 {
				case 0:
					c.Abort()
				case 1:
					if _, err := c.TryCall("token", lasting(10*time.Minute)); err != nil {
						t.Error(err)
					}
					c.Close()
				default:
					c.Close()
				}
			})
		}
		wg.Wait()
	}
	testkit.Eventually(t, "all clients to leave", func() bool { return h.guardedClients(t) == 0 })
	testkit.Eventually(t, "all timers to stop", func() bool { return h.clock.waiting() == 0 })
}

// Clients whose token expires leave no timer, nor do clients that are connected when
// the application stops.
func TestExpiryAndStopLeaveNoTimers(t *testing.T) {
	h := newTestApp(t, options(), socketio.Options{})
	for range 20 {
		h.dial("ws", good())
		h.dial("socketio", good())
		h.dial("ws", lasting(time.Hour))
	}
	if n := h.clock.waiting(); n != 60 {
		t.Errorf("%d timers for 60 clients", n)
	}
	h.clock.forward(5 * time.Minute)
	testkit.Eventually(t, "40 clients to leave", func() bool { return h.guardedClients(t) == 20 })
	testkit.Eventually(t, "their timers to stop", func() bool { return h.clock.waiting() == 20 })
	if err := h.App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "all timers to stop", func() bool { return h.clock.waiting() == 0 })
}
