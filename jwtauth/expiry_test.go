package jwtauth

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

var (
	sHS256 = jwt.SigningMethodHS256
	sRS256 = jwt.SigningMethodRS256
)

// dial connects to the guarded gateway, and returns when the client is in.
func (h *house) dial(platform, token string) *apptest.Client {
	var c *apptest.Client
	if platform == "ws" {
		c = h.DialWS("/desk", apptest.WithHeader(authorization(token)))
	} else {
		c = h.DialSocketIO("/desk", apptest.WithAuth(authOf(token)))
	}
	<-h.back
	return c
}

// expectEnd wants what a client is told when its token ends.
func expectEnd(t *testing.T, c *apptest.Client, platform string) {
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

// Also who only listens must not go on when its token has ended.
func TestIdleConnectionEnds(t *testing.T) {
	bothPlatforms(t, func(t *testing.T, platform string) {
		h := newHouse(t, options(), socketio.Options{})
		c := h.dial(platform, good())
		longer := h.dial(platform, lasting(time.Hour))
		h.clock.forward(5*time.Minute - time.Second)
		c.ExpectNone("exception", func() { c.Call("whoami") })
		h.clock.forward(time.Second)
		expectEnd(t, c, platform)
		if got := apptest.Call[string](longer, "whoami"); got != "Ann" {
			t.Errorf("the other client: %q", got)
		}
		longer.ExpectNone("token_expiring")
		eventually(t, "one client", func() bool { return h.guardedClients(t) == 1 })
	})
}

// What was sent just before the end is answered, what comes after is not handled.
func TestMessageAfterTheEnd(t *testing.T) {
	bothPlatforms(t, func(t *testing.T, platform string) {
		h := newHouse(t, options(), socketio.Options{})
		c := h.dial(platform, good())
		h.clock.mu.Lock()
		h.clock.now = noon.Add(5 * time.Minute) // the timer is late
		h.clock.mu.Unlock()
		if e := c.CallError("whoami"); e.Code != CodeExpired || e.Message != "Token expired" {
			t.Errorf("got %+v", e)
		}
	})
}

func TestConnectionThatRefreshes(t *testing.T) {
	bothPlatforms(t, func(t *testing.T, platform string) {
		o := options()
		o.RefreshWindow = time.Minute
		h := newHouse(t, o, socketio.Options{})
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
		expectEnd(t, c, platform)
	})
}

func TestConnectionThatRefreshesBadly(t *testing.T) {
	bothPlatforms(t, func(t *testing.T, platform string) {
		o := options()
		o.RefreshWindow = time.Minute
		h := newHouse(t, o, socketio.Options{})
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
				t.Errorf("the token comes back: %s", frame)
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

// The namespaces of one connection are clients of their own.
func TestNamespacesEndApart(t *testing.T) {
	h := newHouse(t, options(), socketio.Options{})
	c := h.DialSocketIO("/lobby")
	c.Raw().Text(fmt.Sprintf(`40/desk,{"token":%q}`, good()))
	c.Raw().ExpectPrefix("40/desk,")
	<-h.back
	h.clock.forward(5 * time.Minute)
	c.Raw().ExpectPrefix(`42/desk,["exception",`)
	c.Raw().Expect("41/desk,")
	if got := apptest.Call[string](c, "hello"); got != "hello" {
		t.Errorf("the other namespace: %q", got)
	}
}

// visitor is a client that can be cut off and come back.
type visitor struct {
	*apptest.Client
	answer, pid, offset string
}

// enter lets a client into the guarded namespace, or not.
func (h *house) enter(auth string) visitor {
	c := h.DialSocketIO("/lobby")
	c.Raw().Text("40/desk," + auth)
	answer := c.Raw().ExpectPrefix("4")
	_, pid, _ := strings.Cut(answer, `"pid":"`)
	pid, _, _ = strings.Cut(pid, `"`)
	return visitor{Client: c, answer: answer, pid: pid}
}

// away is a client that was in, and has lost its connection.
func (h *house) away(t *testing.T) visitor {
	t.Helper()
	c := h.enter(fmt.Sprintf(`{"token":%q}`, good()))
	if recovered := <-h.back; recovered {
		t.Fatal("recovered at once")
	}
	for client := range apptest.Get[*desk](h.App).Server.Local().Clients() {
		_ = client.Emit(t.Context(), "n", 1)
	}
	got := c.Raw().ExpectPrefix(`42/desk,["n",1,"`)
	c.offset = strings.TrimSuffix(strings.TrimPrefix(got, `42/desk,["n",1,"`), `"]`)
	c.Abort()
	eventually(t, "the timer's end", func() bool { return h.clock.waiting() == 0 })
	return c
}

func (h *house) comeBack(was visitor, token string) visitor {
	return h.enter(fmt.Sprintf(`{"pid":%q,"offset":%q,"token":%q}`, was.pid, was.offset, token))
}

func TestRecoveredClientsAreWatched(t *testing.T) {
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprintf("SkipAdmit %t", skip), func(t *testing.T) {
			h := newHouse(t, options(), socketio.Options{Recovery: &socketio.Recovery{SkipAdmit: skip}})
			c := h.comeBack(h.away(t), good())
			if recovered := <-h.back; !recovered {
				t.Fatal("not recovered")
			}
			c.Raw().Text(`42/desk,7["whoami"]`)
			c.Raw().Expect(`43/desk,7["Ann"]`)
			if n := h.clock.waiting(); n != 1 {
				t.Errorf("%d timers for one client", n)
			}
			h.clock.forward(5 * time.Minute)
			c.Raw().ExpectPrefix(`42/desk,["exception",`)
			c.Raw().Expect("41/desk,")
		})
	}
}

func TestComingBackWithABadToken(t *testing.T) {
	h := newHouse(t, options(), socketio.Options{Recovery: &socketio.Recovery{}})
	was := h.away(t)
	h.clock.forward(5 * time.Minute)
	c := h.comeBack(was, good())
	if want := `44/desk,{"message":"Token expired","data":{"status":"error","message":"Token expired","code":"token_expired"}}`; c.answer != want {
		t.Errorf("got %s, want %s", c.answer, want)
	}
}

// A thousand clients come and go in all ways, and leave no timer; TestMain
// looks for goroutines.
func TestNothingIsLeftOfManyClients(t *testing.T) {
	o := options()
	o.RefreshWindow = time.Minute
	h := newHouse(t, o, socketio.Options{})
	const at = 20 // at once
	for begin := 0; begin < crowd; begin += at {
		var wg sync.WaitGroup
		for i := begin; i < begin+at; i++ {
			wg.Go(func() {
				platform := []string{"ws", "socketio"}[i%2]
				opts := []apptest.DialOption{apptest.WithHeader(authorization(good()))}
				var c *apptest.Client
				var err error
				if platform == "ws" {
					c, err = apptest.TryDialWS(t, h.URL()+"/desk", opts...)
				} else {
					c, err = apptest.TryDialSocketIO(t, h.URL(), append(opts, apptest.WithNamespace("/desk"))...)
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
	eventually(t, "the last client's end", func() bool { return h.guardedClients(t) == 0 })
	eventually(t, "the last timer's end", func() bool { return h.clock.waiting() == 0 })
}

// Those who stay until the end of their token leave no timer either, nor do
// those who are there when the application stops.
func TestNothingIsLeftAtTheEnd(t *testing.T) {
	h := newHouse(t, options(), socketio.Options{})
	for range 20 {
		h.dial("ws", good())
		h.dial("socketio", good())
		h.dial("ws", lasting(time.Hour))
	}
	if n := h.clock.waiting(); n != 60 {
		t.Errorf("%d timers for 60 clients", n)
	}
	h.clock.forward(5 * time.Minute)
	eventually(t, "the others", func() bool { return h.guardedClients(t) == 20 })
	eventually(t, "their timers' end", func() bool { return h.clock.waiting() == 20 })
	if err := h.App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last timer's end", func() bool { return h.clock.waiting() == 0 })
}
