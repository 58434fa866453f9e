package gateway

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/presence"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const lingers = 2 * time.Second

var online = presence.New[string]("online", presence.Linger(lingers))

// track tracks a client, which joins the room first.
func (p *peer) track(t *testing.T, room, key, v string) {
	t.Helper()
	if err := p.client().Join(room); err != nil {
		t.Fatal(err)
	}
	if err := online.Track(t.Context(), p.client(), room, key, v); err != nil {
		t.Fatal(err)
	}
}

// texts returns entries in a form to compare: key=value,value.
func texts(all []presence.Entry[string]) string {
	var out []string
	for _, e := range all {
		var values []string
		for _, m := range e.Metas {
			values = append(values, m.Value)
		}
		out = append(out, e.Key+"="+strings.Join(values, ","))
	}
	return strings.Join(out, " ")
}

// changes records what a handler of changes is called about.
type changes struct {
	mu  sync.Mutex
	got []string
}

func (c *changes) add(_ context.Context, x presence.Change[string]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, fmt.Sprintf("%s%s +%s ~%s -%s", x.Namespace, x.Room, texts(x.Joined), texts(x.Updated), texts(x.Left)))
	return nil
}

func (c *changes) want(t *testing.T, what string, want ...string) {
	t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if fmt.Sprint(c.got) != fmt.Sprint(want) {
		t.Errorf("%s: the handler got %q, want %q", what, c.got, want)
	}
	c.got = nil
}

func isOnline(t *testing.T, d *testGateway, what, room, want string) {
	t.Helper()
	if got := texts(online.List(d.Server, room)); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// A client is present until it leaves the room, disconnects or is untracked.
func TestPresenceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		ada, bob := k.dial(), k.dial()
		if err := online.Track(t.Context(), ada.client(), "tea", "ada", "x"); !errors.Is(err, presence.ErrNotInRoom) {
			t.Errorf("outside of the room: %v", err)
		}
		ada.track(t, "tea", "ada", "phone")
		bob.track(t, "tea", "ada", "laptop")
		bob.track(t, "tea", "bob", "laptop")
		bob.track(t, "milk", "bob", "")
		isOnline(t, d, "tracked", "tea", "ada=phone,laptop bob=laptop")
		ada.track(t, "tea", "ada", "sofa")
		isOnline(t, d, "tracked again", "tea", "ada=sofa,laptop bob=laptop")
		if e, ok := online.Get(d.Server, "tea", "bob"); !ok || e.Metas[0].Client != bob.id || e.Metas[0].Node != k.rt.node.ID {
			t.Errorf("Get: %+v, %t", e, ok)
		}
		online.Untrack(t.Context(), bob.client(), "tea", "ada")
		online.Untrack(t.Context(), bob.client(), "tea", "none")
		isOnline(t, d, "untracked", "tea", "ada=sofa bob=laptop")
		bob.client().Leave("tea", "other")
		isOnline(t, d, "left", "tea", "ada=sofa")
		isOnline(t, d, "the other room", "milk", "bob=")
		d.Server.Local().Leave("milk")
		isOnline(t, d, "made to leave", "milk", "")
		ada.client().Disconnect()
		synctest.Wait()
		isOnline(t, d, "disconnected", "tea", "")
		if err := online.Track(t.Context(), ada.client(), "tea", "ada", ""); !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("after it: %v", err)
		}
		if _, ok := online.Get(d.Server, "tea", "ada"); ok {
			t.Error("Get after it")
		}
		if online.List(nil, "tea") != nil {
			t.Error("List of a nil Server")
		}
	})
}

// A client that may be recovered stays present, and so does the one that replaces it.
func TestPresenceOfSuspendedClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		ada := k.dial()
		ada.track(t, "tea", "ada", "phone")
		suspended := ada.sess.Suspend(websockets.Reason{Cause: websockets.CauseTransportClose})
		synctest.Wait()
		ada.client().Leave("tea") // no effect
		isOnline(t, d, "suspended", "tea", "ada=phone")
		again := k.resume(ada, suspended)
		isOnline(t, d, "resumed", "tea", "ada=phone")
		if err := online.Track(t.Context(), ada.client(), "tea", "ada", "late"); !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("a handler of the former client: %v", err)
		}
		again.track(t, "tea", "ada", "again")
		isOnline(t, d, "tracked again", "tea", "ada=again")
		suspended = again.sess.Suspend(websockets.Reason{Cause: websockets.CauseTransportClose})
		if err := d.Server.To("tea").Leave(t.Context(), "tea"); err != nil {
			t.Fatal(err)
		}
		isOnline(t, d, "made to leave while suspended", "tea", "")
		last := k.resume(again, suspended)
		last.track(t, "tea", "ada", "last")
		suspended = last.sess.Suspend(websockets.Reason{Cause: websockets.CauseTransportClose})
		suspended.Drop()
		isOnline(t, d, "expired", "tea", "")
	})
}

// A handler is called about what has changed, and not about a user that is away for a moment.
func TestPresenceChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c changes
		block := make(chan struct{})
		blocked := false
		d := &testGateway{subs: []websockets.Subscription{online.On(func(ctx context.Context, x presence.Change[string]) error {
			if blocked {
				<-block
			}
			return c.add(ctx, x)
		})}}
		k := newTestRuntime(t, d)
		ada, bob := k.dial(), k.dial()
		ada.track(t, "tea", "ada", "1")
		c.want(t, "joined", "tea +ada=1 ~ -")
		bob.track(t, "tea", "ada", "2")
		c.want(t, "another connection", "tea + ~ada=1,2 -")
		ada.client().Leave("tea")
		c.want(t, "one less", "tea + ~ada=2 -")
		bob.client().Leave("tea")
		<-time.After(lingers - time.Millisecond)
		c.want(t, "away")
		bob.track(t, "tea", "ada", "3")
		c.want(t, "back", "tea + ~ada=3 -")
		bob.client().Leave("tea")
		<-time.After(lingers)
		c.want(t, "left", "tea + ~ -ada=3")
		bob.track(t, "tea", "bob", "4")
		bob.client().Leave("tea")
		<-time.After(2 * lingers)
		synctest.Wait()
		c.mu.Lock()
		c.got = nil // perhaps joined and left, perhaps neither
		c.mu.Unlock()

		blocked = true
		bob.track(t, "milk", "0", "")
		synctest.Wait() // the handler runs
		for i := range 3 {
			bob.track(t, "milk", fmt.Sprint(i), "")
			bob.track(t, "milk", "key", fmt.Sprint(i))
		}
		blocked = false
		close(block)
		c.want(t, "what has changed while it ran is one", "milk +0= ~ -", "milk +1= 2= key=2 ~0= -")
	})
}

// Errors and panics of a handler are logged, and it is called again.
func TestPresenceHandlerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c changes
		calls := 0
		d := &testGateway{subs: []websockets.Subscription{online.On(func(ctx context.Context, x presence.Change[string]) error {
			switch calls++; calls {
			case 1:
				panic("no")
			case 2:
				return errors.New("failed")
			}
			if _, limited := ctx.Deadline(); !limited {
				t.Error("ctx does not end")
			}
			return c.add(ctx, x)
		})}}
		k := newTestRuntime(t, d)
		ada := k.dial()
		for _, key := range []string{"a", "b", "c"} {
			ada.track(t, "tea", key, "")
			synctest.Wait()
		}
		c.want(t, "after it", "tea +c= ~ -")
		log := k.log.String()
		if !strings.Contains(log, "panic in a handler of presence") || !strings.Contains(log, "handler of presence failed") {
			t.Error(log)
		}
	})
}

// A stop waits for a handler, and names one that is stuck.
func TestPresenceHandlerIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := &testGateway{subs: []websockets.Subscription{online.On(func(context.Context, presence.Change[string]) error { <-release; return nil })}}
		k := newTestRuntime(t, d)
		k.dial().track(t, "tea", "ada", "")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := k.rt.Stop(ctx); !errors.Is(err, await.ErrStuck) || !strings.Contains(err.Error(), `presence "online" of gateway gateway 0`) {
			t.Errorf("Stop: %v", err)
		}
		close(release)
		synctest.Wait()
	})
}

// Namespaces of a pattern have rooms of their own; those of fixed namespaces are one.
func TestPresenceOfNamespaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c changes
		d := &testGateway{subs: []websockets.Subscription{online.On(c.add)}}
		k := newTestRuntime(t, d, websockets.Namespace("/orgs/{org}"))
		one, two := k.dialAt("/orgs/1"), k.dialAt("/orgs/2")
		one.track(t, "tea", "ada", "1")
		c.want(t, "of one", "/orgs/1tea +ada=1 ~ -")
		two.track(t, "tea", "ada", "2")
		c.want(t, "of two", "/orgs/2tea +ada=2 ~ -")
		isOnline(t, d, "without a namespace", "tea", "")
		if got := texts(online.ListOf(d.Server, "/orgs/2", "tea")); got != "ada=2" {
			t.Errorf("of one namespace: %q", got)
		}
		two.client().Leave("tea")
		if got := texts(online.ListOf(d.Server, "/orgs/2", "tea")); got != "" {
			t.Errorf("after it has left: %q", got)
		}
	})
}

// Two gateways have presences of their own, though their rooms and the name are the same.
func TestPresenceOfGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		other := &testGateway{}
		o := newTestRuntime(t, other)
		k.dial().track(t, "tea", "ada", "")
		o.dial().track(t, "tea", "bob", "")
		isOnline(t, d, "the first", "tea", "ada=")
		isOnline(t, other, "the second", "tea", "bob=")
	})
}

// A value that has no form as JSON, and one of another type, which other nodes may have.
func TestPresenceTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		ada := k.dial()
		ada.track(t, "tea", "ada", "text")
		broken := presence.New[func()]("online")
		if err := broken.Track(t.Context(), ada.client(), "tea", "f", func() {}); err == nil {
			t.Error("a function was tracked")
		}
		numbers := presence.New[int]("online")
		if got := numbers.List(d.Server, "tea"); len(got) != 0 || !strings.Contains(k.log.String(), "presence: an entry is left out") {
			t.Errorf("%v\n%s", got, k.log)
		}
		anything := presence.New[any]("online")
		if got := anything.List(d.Server, "tea"); len(got) != 1 || got[0].Metas[0].Value != "text" {
			t.Errorf("%v", got)
		}
		isOnline(t, d, "the first type", "tea", "ada=text")
		for what, track := range map[string]error{
			"no key":     online.Track(t.Context(), ada.client(), "tea", "", ""),
			"no client":  online.Track(t.Context(), nil, "tea", "key", ""),
			"not UTF-8":  online.Track(t.Context(), ada.client(), "tea", "\xff", ""),
			"long key":   online.Track(t.Context(), ada.client(), "tea", strings.Repeat("x", 1025), ""),
			"long value": online.Track(t.Context(), ada.client(), "tea", "k", strings.Repeat("x", 4095)),
		} {
			if track == nil || strings.HasPrefix(what, "long") && !errors.Is(track, presence.ErrSize) || len(track.Error()) > 400 {
				t.Errorf("%s: %v", what, track)
			}
		}
		tight := presence.New[string]("tight", presence.Limits(1, 0, 0))
		if err := tight.Track(t.Context(), ada.client(), "tea", "a", ""); err != nil {
			t.Error(err)
		}
		err := tight.Track(t.Context(), ada.client(), "tea", "b", "")
		if want := `presence "tight": Track of "b" in room "tea": too many entries`; !errors.Is(err, presence.ErrFull) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	})
}

// Handlers that the application starts with wrong are mistakes of the start.
func TestPresenceMistakes(t *testing.T) {
	for want, sub := range map[string]websockets.Subscription{
		`"online" (internal/gateway/presence_test.go:`: online.On(nil),
		"the handler is nil":                           online.On(nil),
		`the payload func()`:                           presence.New[func()]("f").On(func(context.Context, presence.Change[func()]) error { return nil }),
	} {
		d := &testGateway{subs: []websockets.Subscription{sub}}
		plan := newPlan([]gatewayPlan{{name: "g", typ: reflect.TypeOf(d), value: d}}, Config{Adapter: plain(), HTTP: true, HTTPAddr: ":3000"})
		if got := strings.Join(plan.problems, "\n"); !strings.Contains(got, want) {
			t.Errorf("problems %q, want %q", got, want)
		}
	}
}

// A client that disconnects while it is tracked does not stay present.
func TestPresenceOfClientThatLeavesMeanwhile(t *testing.T) {
	d := &testGateway{}
	k := newTestRuntime(t, d)
	var all sync.WaitGroup
	for i := range 300 {
		p := newPeer(fmt.Sprint("peer ", i))
		p.is(k.endpoint().Connect(p, k.handshake("/")))
		if err := p.client().Join("tea", "milk"); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for key := range 20 {
				_ = online.Track(t.Context(), p.client(), "tea", fmt.Sprint(key), "")
				_ = online.Track(t.Context(), p.client(), "milk", fmt.Sprint(key), "")
			}
		})
		all.Go(func() {
			p.client().Leave("milk")
			p.client().Disconnect()
		})
	}
	all.Wait()
	testkit.Eventually(t, "all have left, with their entries", func() bool {
		entries, size := k.rt.roster.Len()
		return entries == 0 && size == 0 && d.Server.Local().Len() == 0
	})
}

// A handler is called about 1,000 keys at most at once.
func TestPresenceOfManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var joined []int
		d := &testGateway{subs: []websockets.Subscription{online.On(func(_ context.Context, x presence.Change[string]) error {
			<-release
			joined = append(joined, len(x.Joined))
			return nil
		})}}
		k := newTestRuntime(t, d)
		all := []*peer{k.dial(), k.dial(), k.dial()}
		for i := range 2500 {
			all[i%3].track(t, "tea", fmt.Sprint(i), "")
		}
		close(release)
		synctest.Wait()
		sum := 0
		for _, n := range joined {
			if sum += n; n > 1000 || n == 0 {
				t.Errorf("a change of %d keys", n)
			}
		}
		if sum != 2500 || len(joined) > 5 {
			t.Errorf("%v keys", joined)
		}
	})
}
