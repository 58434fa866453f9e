package gateway

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// reconnect returns a new connection of a client.
func (k *testRuntime) reconnect(old *peer) (*peer, *adapter.Handshake) {
	k.t.Helper()
	h := k.handshake("/")
	if err := k.endpoint().Admit(k.t.Context(), h); err != nil {
		k.t.Fatal(err)
	}
	return newPeer(old.id), h
}

// resume resumes the session of a client and waits for its HandleConnection.
func (k *testRuntime) resume(old *peer, s adapter.Suspension) *peer {
	k.t.Helper()
	p, h := k.reconnect(old)
	p.is(s.Resume(p, h))
	if p.sess == nil {
		k.t.Fatal("the session was not resumed")
	}
	synctest.Wait()
	return p
}

func emitTo(t *testing.T, to websockets.Emitter, event string, opts ...websockets.EmitOption) {
	t.Helper()
	if err := to.Emit(t.Context(), event, 1, opts...); err != nil {
		t.Fatal(err)
	}
}

var (
	userKey = websockets.NewKey[string]("user")
	seenKey = websockets.NewKey[int]("seen")
)

func TestSuspendedClientMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var recovered []bool
		var left []string
		d := &testGateway{
			connect: func(_ context.Context, c websockets.Client) error {
				recovered = append(recovered, c.Recovered())
				if c.Recovered() {
					return nil
				}
				return c.Join("a", "b")
			},
			leave: func(_ context.Context, c websockets.Client, r websockets.Reason) {
				left = append(left, fmt.Sprint(c.ID(), c.Rooms(), r))
				c.Leave("a") // has no effect on a client that has left
			},
		}
		k := newTestRuntime(t, d)
		one, other := k.dial(), k.dial()
		synctest.Wait()
		userKey.Set(one.client(), "ada")
		seenKey.Set(one.client(), 1)
		before := one.client()

		susp := one.sess.Suspend(websockets.Reason{Cause: websockets.CauseTransportClose})
		if susp == nil {
			t.Fatal("not suspended")
		}
		synctest.Wait()
		if want := []string{"peer-1[a b] transport close"}; !slices.Equal(left, want) {
			t.Errorf("left: %q, want %q", left, want)
		}
		if n, in := d.Server.Local().Len(), d.Server.To("a").Local().Len(); n != 1 || in != 1 {
			t.Errorf("%d clients and %d in the room, want 1 and 1", n, in)
		}
		if err := before.Join("c"); err == nil {
			t.Error("a client that has left has joined a room")
		}
		d.Server.Local().Join("d")
		emitTo(t, d.Server, "all")
		emitTo(t, d.Server.To("a", "b"), "rooms")
		emitTo(t, d.Server.To("d"), "joined meanwhile")
		emitTo(t, d.Server.Except(before), "others")
		emitTo(t, d.Server.Except(other.client()), "it")
		emitTo(t, d.Server.ExceptRooms("b"), "not b")
		emitTo(t, d.Server, "now", websockets.Volatile())
		done := callAll(t.Context(), d.Server.All(), vote)
		other.answer(t, "1")
		if g := result(t, done); len(g.res.Answered) != 1 || len(g.res.Missing) != 0 {
			t.Errorf("the call: %+v", g.res)
		}
		one.want(t, "all 1", "rooms 1", "it 1")
		other.want(t, "all 1", "rooms 1", "joined meanwhile 1", "others 1", "now 1", `vote "?"`)

		p, h := k.reconnect(one)
		seenKey.Set(h, 2) // as Admit would
		p.is(susp.Resume(p, h))
		synctest.Wait()
		if !slices.Equal(recovered, []bool{false, false, true}) {
			t.Errorf("Recovered says %v", recovered)
		}
		c := p.client()
		if user, _ := userKey.Get(c); user != "ada" {
			t.Errorf("user %q", user)
		}
		if seen, _ := seenKey.Get(c); seen != 2 {
			t.Errorf("seen %d, want what Admit has set", seen)
		}
		if got := c.Rooms(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("rooms %q", got)
		}
		emitTo(t, d.Server.To("a"), "again")
		emitTo(t, d.Server.Except(before), "not to the old client")
		one.want(t)
		p.want(t, "again 1")
		if d.Server.Local().Len() != 2 {
			t.Errorf("%d clients, want 2", d.Server.Local().Len())
		}
		if q, h := k.reconnect(one); susp.Resume(q, h) != nil {
			t.Error("resumed twice")
		}
		susp.Drop() // too late
		if d.Server.To("a").Local().Len() != 2 {
			t.Error("Drop has removed a client that is back")
		}
		if p.sess.Suspend(websockets.Reason{}) == nil {
			t.Error("a client that is back cannot be suspended again")
		}
		synctest.Wait() // its HandleDisconnect, before that of the other
	})
}

func TestResumedClientWaitsForTheEndOfTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []string
		release := make(chan struct{})
		d := &testGateway{
			connect: func(_ context.Context, c websockets.Client) error {
				user, _ := userKey.Get(c)
				steps = append(steps, "connect "+user)
				return nil
			},
			leave: func(context.Context, websockets.Client, websockets.Reason) { steps = append(steps, "leave") },
		}
		d.subs = []websockets.Subscription{
			websockets.Listen("login", func(ctx context.Context, name string) error {
				<-release
				userKey.Set(websockets.ClientFrom(ctx), name)
				return nil
			}),
			websockets.Listen("next", func(context.Context, int) error { steps = append(steps, "next"); return nil }),
		}
		k := newTestRuntime(t, d)
		one := k.dial()
		one.ask("login", `"ada"`)
		synctest.Wait()
		seenKey.Set(one.client(), 1)
		p := k.resume(one, one.sess.Suspend(websockets.Reason{}))
		if seen, _ := seenKey.Get(p.client()); seen != 1 {
			t.Error("it is there without its values")
		}
		p.ask("next", "1")
		synctest.Wait()
		if want := []string{"connect "}; !slices.Equal(steps, want) {
			t.Errorf("happened: %q, want %q", steps, want)
		}
		close(release)
		synctest.Wait()
		if want := []string{"connect ", "leave", "connect ada", "next"}; !slices.Equal(steps, want) {
			t.Errorf("happened: %q, want %q", steps, want)
		}
	})
}

func TestWhoCannotBeSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		d := &testGateway{connect: func(_ context.Context, c websockets.Client) error {
			switch c.ID() {
			case "peer-1":
				<-hold
			case "peer-2":
				return websockets.NewError("no")
			}
			return nil
		}}
		k := newTestRuntime(t, d)
		early, refused, dismissed, closed, drained := k.dial(), k.dial(), k.dial(), k.dial(), k.dial()
		synctest.Wait()
		dismissed.closed = &websockets.Reason{} // its close is in progress when the connection breaks
		dismissed.client().Disconnect()
		closed.sess.Closed(websockets.Reason{})
		for _, p := range []*peer{early, refused, dismissed, closed} {
			if p.sess.Suspend(websockets.Reason{}) != nil {
				t.Errorf("%s is suspended", p.id)
			}
		}
		close(hold)
		synctest.Wait()
		if n := d.Server.Local().Len(); n != 1 {
			t.Errorf("%d clients, want 1: a client that is not suspended has left", n)
		}
		k.stop()
		if drained.sess.Suspend(websockets.Reason{}) != nil {
			t.Error("suspended after the stop")
		}
	})
}

func TestDropLeavesNothing(t *testing.T) {
	for name, drop := range map[string]func(k *testRuntime, d *testGateway, c websockets.Client, s adapter.Suspension){
		"Drop":              func(_ *testRuntime, _ *testGateway, _ websockets.Client, s adapter.Suspension) { s.Drop() },
		"stop":              func(k *testRuntime, _ *testGateway, _ websockets.Client, _ adapter.Suspension) { k.stop() },
		"Client.Disconnect": func(_ *testRuntime, _ *testGateway, c websockets.Client, _ adapter.Suspension) { c.Disconnect() },
		"Broadcast.Disconnect": func(_ *testRuntime, d *testGateway, _ websockets.Client, _ adapter.Suspension) {
			d.Server.To("a").Local().Disconnect()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &testGateway{connect: func(_ context.Context, c websockets.Client) error { return c.Join("a") }}
				k := newTestRuntime(t, d)
				one := k.dial()
				synctest.Wait()
				susp := one.sess.Suspend(websockets.Reason{})
				synctest.Wait()
				if len(k.endpoint().namespaces) != 1 {
					t.Error("the rooms of a suspended client are gone")
				}
				drop(k, d, one.client(), susp)
				synctest.Wait()
				if n := len(k.endpoint().namespaces); n != 0 {
					t.Errorf("%d namespaces are kept", n)
				}
				if clients, rooms := one.client().namespace.Counts(); clients+rooms != 0 {
					t.Errorf("%d clients and %d rooms are kept", clients, rooms)
				}
				emitTo(t, d.Server, "all")
				one.want(t)
				if p := newPeer(one.id); susp.Resume(p, k.handshake("/")) != nil {
					t.Error("the session was resumed")
				}
				if user, ok := userKey.Get(one.client()); ok {
					t.Errorf("user %q", user)
				}
			})
		})
	}
}

func TestBroadcastLeaveReachesSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{connect: func(_ context.Context, c websockets.Client) error {
			if c.Recovered() {
				return nil
			}
			return c.Join("secret", "news")
		}}
		k := newTestRuntime(t, d)
		one := k.dial()
		synctest.Wait()
		susp := one.sess.Suspend(websockets.Reason{})
		d.Server.Local().Leave("secret")
		if got := k.resume(one, susp).client().Rooms(); !slices.Equal(got, []string{"news"}) {
			t.Errorf("rooms %q", got)
		}
	})
}

func TestStopEndsWhoCameBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left []string
		d := &testGateway{leave: func(_ context.Context, c websockets.Client, r websockets.Reason) {
			left = append(left, fmt.Sprintf("%t %s", c.Recovered(), r))
		}}
		k := newTestRuntime(t, d)
		one := k.dial()
		p := k.resume(one, one.sess.Suspend(websockets.Reason{}))
		k.stop()
		if want := []string{"false transport close", "true server shutting down"}; !slices.Equal(left, want) {
			t.Errorf("left: %q, want %q", left, want)
		}
		if p.closed == nil || p.closed.Cause != websockets.CauseShutdown {
			t.Errorf("closed with %v", p.closed)
		}
	})
}

// TestNoBroadcastIsLostOrDoubled: at any moment of disconnecting and reconnecting.
func TestNoBroadcastIsLostOrDoubled(t *testing.T) {
	const senders, each, flaps = 4, 400, 60
	open := make(chan struct{})
	d := &testGateway{
		connect: func(_ context.Context, c websockets.Client) error {
			if c.Recovered() {
				return nil
			}
			return c.Join("a", "b")
		},
		subs: []websockets.Subscription{websockets.Listen("ready", func(context.Context, int) error {
			open <- struct{}{}
			return nil
		})},
	}
	k := newTestRuntime(t, d)
	record := &record{seen: map[string]int{}}
	p := newPeer("flapping")
	p.emit = record.emit
	p.is(k.endpoint().Connect(p, k.handshake("/")))
	start(p.sess.Receive(&adapter.Message{Event: "ready"}))
	<-open
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := range each {
				to := []websockets.Selection{d.Server.All(), d.Server.To("a"), d.Server.To("b", "a")}[n%3]
				if err := to.Emit(t.Context(), strconv.Itoa(i*each+n), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range flaps {
		susp := p.sess.Suspend(websockets.Reason{})
		if susp == nil {
			t.Fatal("not suspended")
		}
		next := newPeer(p.id)
		next.emit = record.emit
		if next.is(susp.Resume(next, k.handshake("/"))); next.sess == nil {
			t.Fatal("not resumed")
		}
		start(next.sess.Receive(&adapter.Message{Event: "ready"}))
		<-open
		p = next
	}
	wg.Wait()
	record.mu.Lock()
	defer record.mu.Unlock()
	if len(record.seen) != senders*each {
		t.Errorf("%d broadcasts have arrived, want %d", len(record.seen), senders*each)
	}
	for event, n := range record.seen {
		if n != 1 {
			t.Errorf("broadcast %s has arrived %d times", event, n)
		}
	}
}

// record is what the connections of one client share.
type record struct {
	mu   sync.Mutex
	seen map[string]int
}

func (r *record) emit(out *adapter.Outgoing, _ uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[strings.Clone(out.Event)]++
	return nil
}
