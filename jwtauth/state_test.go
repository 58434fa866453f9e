package jwtauth

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// fakeClient records what it receives, and disconnects when it is closed.
type fakeClient struct {
	websockets.Client
	request   *http.Request
	values    *websockets.Values
	ctx       context.Context
	leave     context.CancelFunc
	staysOpen bool // does not disconnect on Close

	mu  sync.Mutex
	got []string
}

func newFakeClient(token string) *fakeClient {
	c := &fakeClient{request: bearer(pipeline.KindConnect, token).Request, values: new(websockets.Values)}
	c.ctx, c.leave = context.WithCancel(websockets.WithClient(context.Background(), c))
	return c
}

func (c *fakeClient) Request() *http.Request     { return c.request }
func (c *fakeClient) Auth() websockets.Payload   { return websockets.Payload{} }
func (c *fakeClient) Values() *websockets.Values { return c.values }
func (c *fakeClient) Context() context.Context   { return c.ctx }

func (c *fakeClient) Emit(_ context.Context, event string, data any, _ ...websockets.EmitOption) error {
	c.note(fmt.Sprintf("%s %+v", event, data))
	return nil
}

func (c *fakeClient) Close(code int, text string) {
	c.note(fmt.Sprintf("close %d %s", code, text))
	if !c.staysOpen {
		c.leave()
	}
}

func (c *fakeClient) note(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, s)
}

func (c *fakeClient) want(t *testing.T, when string, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.got, want) {
		t.Errorf("%s: got %q, want %q", when, c.got, want)
	}
	c.got = nil
}

// message returns the context and call of a message.
func (c *fakeClient) message() (context.Context, *pipeline.Call) {
	return c.ctx, &pipeline.Call{Kind: pipeline.KindMessage, Request: c.request, Store: c.values}
}

const (
	exceptionNote = "exception {Status:error Message:Token expired Code:token_expired Details:<nil> Cause:<nil>}"
	closeNote     = "close 4401 token expired"
)

// lasts returns a token that is valid for d from now.
func lasts(d time.Duration) string {
	return hs256(with(func(c *claims) {
		c.NotBefore, c.ExpiresAt = nil, jwt.NewNumericDate(time.Now().Add(d))
	}))
}

// bubble runs a test with the system clock in a synctest bubble.
func bubble(t *testing.T, window time.Duration, f func(t *testing.T, g *Guard[claims])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.RefreshWindow = window
		g, err := New[claims](o)
		if err != nil {
			t.Fatal(err)
		}
		f(t, g)
	})
}

// after advances the clock of the bubble.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestIdleClientIsDisconnected(t *testing.T) {
	bubble(t, 0, func(t *testing.T, g *Guard[claims]) {
		c := newFakeClient(lasts(time.Minute))
		if err := g.Check(c.message()); err != nil {
			t.Fatal(err)
		}
		after(time.Minute - 1)
		c.want(t, "before")
		after(1)
		c.want(t, "at expiry", exceptionNote, closeNote)
		after(time.Hour)
		c.want(t, "later")
	})
}

func TestDisconnectStopsTimer(t *testing.T) {
	g, clk := newTestGuard(t, options())
	var all []*fakeClient
	for range 10 {
		c := newFakeClient(good())
		if err := g.Check(c.message()); err != nil {
			t.Fatal(err)
		}
		if err := g.Check(c.message()); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if n := clk.waiting(); n != 10 {
		t.Errorf("%d timers for 10 clients", n)
	}
	left := newFakeClient(good()) // disconnects between its message and the guard
	left.leave()
	if err := g.Check(left.message()); err != nil {
		t.Fatal(err)
	}
	all = append(all, left)
	for _, c := range all {
		c.leave()
		p, _ := g.state.Get(c)
		testkit.Eventually(t, "onDisconnect", func() bool { return p.left.Load() })
		p.mu.Lock()
		p.mu.Unlock() //nolint:staticcheck // waits for onDisconnect
	}
	if n := clk.waiting(); n != 0 {
		t.Errorf("%d timers are active", n)
	}
	clk.forward(time.Hour)
	for _, c := range all {
		p, _ := g.state.Get(c)
		p.onTimer() // it may already have fired
		c.want(t, "after the disconnect")
	}
}

func TestWarning(t *testing.T) {
	for _, tt := range []struct {
		name         string
		window, life time.Duration
		after        time.Duration
		want         string
	}{
		{"in time", time.Minute, 10 * time.Minute, 9 * time.Minute, "token_expiring {ExpiresIn:60}"},
		{"half of a short life", time.Minute, 90 * time.Second, 45 * time.Second, "token_expiring {ExpiresIn:45}"},
		{"half of a life shorter than the window", time.Minute, 30 * time.Second, 15 * time.Second, "token_expiring {ExpiresIn:15}"},
		{"half a second, rounded up", time.Minute, time.Second, 500 * time.Millisecond, "token_expiring {ExpiresIn:1}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, tt.window, func(t *testing.T, g *Guard[claims]) {
				c := newFakeClient(lasts(tt.life))
				if err := g.Check(c.message()); err != nil {
					t.Fatal(err)
				}
				after(tt.after - 1)
				c.want(t, "before")
				after(1)
				c.want(t, "in the window", tt.want)
				after(tt.life - tt.after - 1)
				c.want(t, "no second warning")
				after(1)
				c.want(t, "at expiry", exceptionNote, closeNote)
			})
		})
	}
}

// refresh calls the handler of the refresh subscription.
func (c *fakeClient) refresh(g *Guard[claims], token string) (Expiring, error) {
	return g.refresh(c.ctx, token)
}

func TestRefreshExtendsExpiry(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, g *Guard[claims]) {
		c := newFakeClient(lasts(10 * time.Minute))
		if err := g.Check(c.message()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			after(9 * time.Minute)
			c.want(t, "the warning", "token_expiring {ExpiresIn:60}")
			if got, err := c.refresh(g, lasts(10*time.Minute)); err != nil || got.ExpiresIn != 600 {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		// One may also be shorter than the one before.
		if _, err := c.refresh(g, lasts(2*time.Second)); err != nil {
			t.Fatal(err)
		}
		after(time.Second)
		c.want(t, "the last warning", "token_expiring {ExpiresIn:1}")
		after(time.Second)
		c.want(t, "at expiry", exceptionNote, closeNote)
		if _, err := c.refresh(g, lasts(time.Hour)); err == nil {
			t.Error("refreshed after expiry")
		}
		after(2 * time.Hour)
		c.want(t, "after expiry")
	})
}

// A client that refreshes on each warning must not do so without a pause.
func TestWindowLongerThanTokens(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, g *Guard[claims]) {
		c := newFakeClient(lasts(10 * time.Second))
		if err := g.Check(c.message()); err != nil {
			t.Fatal(err)
		}
		warnings := 0
		for range 60 {
			after(time.Second)
			c.mu.Lock()
			n := len(c.got)
			c.got = nil
			c.mu.Unlock()
			if n > 0 {
				warnings++
				if _, err := c.refresh(g, lasts(10*time.Second)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if warnings < 5 || warnings > 15 {
			t.Errorf("%d warnings in a minute of tokens of 10 s", warnings)
		}
		c.leave()
	})
}

func TestRefreshRejects(t *testing.T) {
	g, clk := newTestGuard(t, options())
	c := newFakeClient(good())
	if err := g.Check(c.message()); err != nil {
		t.Fatal(err)
	}
	bad := append(badTokens(),
		denied{"another subject", hs256(with(func(c *claims) { c.Subject = "u2" })), CodeInvalid},
		denied{"no subject", hs256(with(func(c *claims) { c.Subject = "" })), CodeInvalid})
	for _, tt := range bad {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.refresh(g, tt.token)
			wantDenied(t, err, tt.code, tt.token)
		})
	}
	if got, _ := g.Get(c); got.Name != "Ann" || got.Subject != "u1" {
		t.Errorf("claims %+v", got)
	}
	clk.forward(5 * time.Minute)
	c.want(t, "the old expiry applies", exceptionNote, closeNote)
	_, err := c.refresh(g, lasting(time.Hour))
	wantDenied(t, err, CodeExpired, "")
	if _, err := g.refresh(t.Context(), good()); err == nil {
		t.Error("refreshed without a client")
	}
}

func TestRefreshWithoutSubjectOrIssuer(t *testing.T) {
	o := options()
	o.Issuer = ""
	g, _ := newTestGuard(t, o)
	anonymous := newFakeClient(hs256(with(func(c *claims) { c.Subject = "" })))
	_, err := anonymous.refresh(g, hs256(with(func(c *claims) { c.Subject = "" })))
	wantDenied(t, err, CodeInvalid, "")
	c := newFakeClient(good())
	_, err = c.refresh(g, hs256(with(func(c *claims) { c.Issuer = "https://other.example" }))) // another user with the subject u1
	wantDenied(t, err, CodeInvalid, "")
}

// The guard may be bound to other handlers only, and not have run yet.
func TestRefreshBeforeAnyMessage(t *testing.T) {
	g, clk := newTestGuard(t, options())
	c := newFakeClient(good())
	if got, err := c.refresh(g, lasting(time.Hour, func(c *claims) { c.Name = "Ann B." })); err != nil || got.ExpiresIn != 3600 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, _ := g.Get(c); got.Name != "Ann B." {
		t.Errorf("claims %+v", got)
	}
	clk.forward(time.Hour)
	c.want(t, "the new expiry", exceptionNote, closeNote)

	without := newFakeClient("")
	_, err := without.refresh(g, lasting(2*time.Hour))
	wantDenied(t, err, CodeMissing, "")
}

func TestWithoutExpiry(t *testing.T) {
	o := options()
	o.AllowNoExpiry, o.RefreshWindow = true, time.Minute
	g, clk := newTestGuard(t, o)
	endless := hs256(with(func(c *claims) { c.ExpiresAt = nil }))
	c := newFakeClient(endless)
	if err := g.Check(c.message()); err != nil {
		t.Fatal(err)
	}
	if n := clk.waiting(); n != 0 {
		t.Errorf("%d timers", n)
	}
	if _, err := c.refresh(g, good()); err != nil {
		t.Fatal(err)
	}
	if n := clk.waiting(); n != 1 {
		t.Errorf("%d timers with an expiry", n)
	}
	if got, err := c.refresh(g, endless); err != nil || got != (Expiring{}) {
		t.Fatalf("%+v, %v", got, err)
	}
	clk.forward(24 * time.Hour)
	c.want(t, "a day later")
}

// A client that recovered its values without running the guard gets a timer.
func TestRecoveredClientIsWatched(t *testing.T) {
	g, clk := newTestGuard(t, options())
	old := newFakeClient(good())
	if err := g.Check(old.message()); err != nil {
		t.Fatal(err)
	}
	p, _ := g.state.Get(old)
	old.leave()
	testkit.Eventually(t, "onDisconnect", func() bool { return p.left.Load() })
	c := newFakeClient("")
	c.values.Inherit(old.values)
	for range 2 {
		if err := g.Check(c.message()); err != nil {
			t.Fatal(err)
		}
	}
	if n := clk.waiting(); n != 1 {
		t.Errorf("%d timers", n)
	}
	clk.forward(5 * time.Minute)
	old.want(t, "after the disconnect")
	c.want(t, "at expiry", exceptionNote, closeNote)
}

// The wall clock is set back: the timer fires early, and is set again.
func TestClockIsSetBack(t *testing.T) {
	g, clk := newTestGuard(t, options())
	c := newFakeClient(good())
	if err := g.Check(c.message()); err != nil {
		t.Fatal(err)
	}
	p, _ := g.state.Get(c)
	p.onTimer()
	c.want(t, "too early")
	clk.forward(5 * time.Minute)
	c.want(t, "at expiry", exceptionNote, closeNote)
}

// The timer may fire while the client disconnects or refreshes its token.
func TestTimerFiresLate(t *testing.T) {
	g, clk := newTestGuard(t, options())
	c := newFakeClient(good())
	c.staysOpen = true
	if err := g.Check(c.message()); err != nil {
		t.Fatal(err)
	}
	p, _ := g.state.Get(c)
	clk.forward(5 * time.Minute)
	c.want(t, "at expiry", exceptionNote, closeNote)
	p.onTimer()
	c.want(t, "before the disconnect")
	c.leave()
	testkit.Eventually(t, "onDisconnect", func() bool { return p.left.Load() })
	p.onTimer()
	c.want(t, "after the disconnect")
	fresh, err := g.verify(t.Context(), lasting(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if p.replaceToken(fresh) {
		t.Error("a closed client accepts a new token")
	}
}
