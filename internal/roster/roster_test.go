package roster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// What a node's clients are is known to the others, with every change.
func TestReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 1, 3)
		a, b := n.peers[0], n.peers[1]
		a.put("tea", "ada", "a1", "phone")
		a.put("tea", "ada", "a2", "laptop")
		b.put("tea", "ada", "b1", "tablet")
		b.put("tea", "bob", "b2", "")
		n.settle(50 * time.Millisecond)
		s := Scope{"online", "", "tea"}
		if got := a.List(s, []uint32{1}); len(got) != 2 || got[0].Key != "ada" || len(got[0].Entries) != 3 || got[1].Key != "bob" {
			t.Errorf("%+v", got)
		}
		if got := a.List(s, []uint32{2}); len(got) > 0 {
			t.Errorf("at another endpoint: %+v", got)
		}
		b.put("tea", "ada", "b1", "sofa") // replaces
		a.Leave("a1", "", []string{"other", "tea"})
		a.Leave("a2", "/orgs/1", []string{"tea"}) // another namespace
		b.Gone("b2")
		n.settle(50 * time.Millisecond)
		got := n.peers[2].Get(s, "ada", []uint32{1})
		if len(got) != 2 || n.peers[2].Get(s, "bob", []uint32{1}) != nil {
			t.Errorf("%+v", got)
		}
		if !a.Remove(s, "ada", "a2") || a.Remove(s, "ada", "a2") || a.Remove(s, "ada", "b1") {
			t.Error("Remove")
		}
		b.Gone("b1")
		n.settle(50 * time.Millisecond)
		for _, p := range n.peers {
			if entries, bytes := p.Len(); entries != 0 || bytes != 0 || len(p.places)+len(p.byName)+len(p.byClient) != 0 {
				t.Errorf("left: %d entries, %d bytes, %d rooms", entries, bytes, len(p.places))
			}
		}
	})
}

// A node that comes later, one that was away, and one that dies: without asking for what is known.
func TestMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 2, 2)
		a, b := n.peers[0], n.peers[1]
		for i := range 2000 { // several parts
			a.put(fmt.Sprint("room ", i%10), fmt.Sprint(i), fmt.Sprint("c", i), strings.Repeat("x", 100))
		}
		b.put("room 1", "b", "b", "")
		n.settle(100 * time.Millisecond)
		if n.kinds[backplane.PresenceAsk] != 0 {
			t.Errorf("%d asks without a loss", n.kinds[backplane.PresenceAsk])
		}
		n.add()
		n.meet()
		n.settle(50 * time.Millisecond)
		if asks, parts := n.kinds[backplane.PresenceAsk], n.kinds[backplane.PresenceState]; asks != 2 || parts < 5 || parts > 20 {
			t.Errorf("a new node: %d asks, %d parts", asks, parts)
		}
		n.set(func() { b.group = 1 }) // the others count it as dead, and it them
		n.meet()
		n.settle(50 * time.Millisecond)
		a.put("room 1", "new", "new", "")
		b.put("room 1", "newer", "newer", "")
		n.set(func() { b.group = 0 })
		n.meet()
		n.settle(50 * time.Millisecond)
		n.set(func() { a.dead = true })
		n.meet()
		n.settle(50 * time.Millisecond)
		if entries, _ := b.Len(); entries != 2 {
			t.Errorf("%d entries after a death", entries)
		}
	})
}

// The last change is lost, and nothing follows it: it is noticed soon.
func TestLastChangeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 3, 2)
		n.peers[0].put("tea", "ada", "a", "")
		n.settle(50 * time.Millisecond)
		n.set(func() { n.drop = 1 })
		n.peers[0].Gone("a")
		pass(50 * time.Millisecond)
		n.set(func() { n.drop = 0 })
		n.settle(repeatAfter)
	})
}

// What waits in the queue of the backplane delays a state, and a queue that is full costs a change no more than time.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 4, 2)
		n.set(func() { n.full = 1 })
		for i := range 100 {
			n.peers[0].put("tea", fmt.Sprint(i), fmt.Sprint(i), "")
		}
		pass(time.Second)
		n.set(func() { n.full = 0; n.peers[0].queue = 2 << 20 })
		pass(time.Second)
		if entries, _ := n.peers[1].Len(); entries != 0 || n.kinds[backplane.PresenceState] != 0 {
			t.Errorf("%d entries while the queue is full", entries)
		}
		n.set(func() { n.peers[0].queue = 0 })
		n.settle(2 * time.Second) // it is asked for again
	})
}

// A node joins while the others change all the time, faster than their messages arrive: it asks once, and what comes while
// the state is on its way is not lost.
func TestJoinUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 8, 1)
		a := n.peers[0]
		n.set(func() { n.latency, n.slow = 50*time.Millisecond, 100*time.Millisecond })
		for i := range 5000 {
			a.put("tea", fmt.Sprint(i), fmt.Sprint(i), "")
		}
		pass(time.Second)
		b := n.add()
		n.meet()
		for i := range 200 {
			a.put("tea", fmt.Sprint(i), fmt.Sprint(i), "changed")
			a.Gone(fmt.Sprint(1000 + i))
			pass(11 * time.Millisecond)
		}
		pass(n.latency + n.slow)
		if got, want := b.snapshot(), a.snapshot(); !slices.Equal(got, want) {
			t.Errorf("%d entries, want %d", len(got), len(want))
		}
		if asks := n.kinds[backplane.PresenceAsk]; asks > 2 { // the first one may take too long
			t.Errorf("%d asks", asks)
		}
	})
}

// Random joins, leaves, deaths and partitions of nodes whose messages are lost, late and out of order:
// all have the same a second after it.
func TestModel(t *testing.T) {
	seeds := uint64(20)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { model(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func model(t *testing.T, seed uint64) {
	n := newNetwork(t, seed, 3)
	rnd := rand.New(rand.NewPCG(seed, 2))
	n.set(func() {
		n.drop, n.jitter, n.full = 0.1*rnd.Float64(), time.Duration(rnd.IntN(100))*time.Millisecond, 0.05*rnd.Float64()
	})
	living := func() (all []*peer) {
		for _, p := range n.peers {
			if !p.dead {
				all = append(all, p)
			}
		}
		return all
	}
	for range 400 {
		all := living()
		p := all[rnd.IntN(len(all))]
		client := p.id + fmt.Sprint(rnd.IntN(20))
		room, key := fmt.Sprint(rnd.IntN(3)), fmt.Sprint(rnd.IntN(5))
		switch what := rnd.IntN(100); {
		case what < 50:
			p.put(room, key, client, fmt.Sprint(rnd.IntN(1000)))
		case what < 70:
			p.Leave(client, "", []string{room})
		case what < 80:
			p.Gone(client)
		case what < 84:
			n.set(func() { p.group = 1 - p.group })
			if rnd.IntN(2) == 0 {
				n.meet() // otherwise none notices
			}
		case what < 86 && len(all) > 2:
			n.set(func() { p.dead = true })
			if rnd.IntN(2) == 0 {
				n.meet()
			}
		case what < 88 && len(all) < 5:
			n.add()
			n.meet()
		default:
			pass(time.Duration(rnd.IntN(50)) * time.Millisecond)
		}
	}
	n.set(func() {
		n.drop, n.full = 0, 0
		for _, p := range n.peers {
			p.group = 0
		}
	})
	n.meet()
	n.settle(time.Second)
}

// What Put refuses.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 5, 2)
		a := n.peers[0]
		d := Decl{Name: "online", PerRoom: 2, Entries: 3, Bytes: 10}
		entry := func(room, key string) *Entry {
			return &Entry{Scope: Scope{"online", "", room}, Key: key, Client: "c", Endpoint: 1, Value: []byte(`"v"`)}
		}
		n.peers[1].put("tea", "theirs", "b", "")
		n.settle(50 * time.Millisecond)
		long := entry("tea", "long")
		long.Value = []byte(`"0123456789"`)
		invalid := entry("tea", "invalid")
		invalid.Value = []byte(`{`)
		for i, step := range []struct {
			e    *Entry
			want error
		}{
			{entry("tea", "1"), nil}, {entry("tea", "2"), ErrFull}, {entry("tea", "1"), nil}, {entry("milk", "1"), nil}, {entry("water", "1"), ErrFull},
			{long, ErrSize}, {invalid, ErrJSON}, {entry(strings.Repeat("x", 1025), "1"), ErrSize}, {entry("tea", strings.Repeat("x", 1025)), ErrSize},
			{entry("tea", "\xff"), ErrText}, {entry("\xff", "1"), ErrText},
		} {
			if err := a.Put(d, step.e); !errors.Is(err, step.want) || (err == nil) != (step.want == nil) {
				t.Errorf("%d: %v, want %v", i, err, step.want)
			}
		}
		many := Decl{Name: "online", PerRoom: 10_000, Entries: 10_000, Bytes: 10}
		refused := 0
		for i := range PerClient {
			if errors.Is(a.Put(many, entry("many", fmt.Sprint(i))), ErrFull) {
				refused++
			}
		}
		if refused != 2 { // it has two others
			t.Errorf("%d entries of a client are refused", refused)
		}
		a.stop()
		if err := a.Put(d, entry("tea", "1")); !errors.Is(err, ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
		a.Gone("c") // nothing is sent
	})
}

// RemoveEntry removes that entry only, and not one that has replaced it.
func TestRemoveEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNetwork(t, 11, 1).peers[0]
		first := &Entry{Scope: Scope{"online", "", "tea"}, Key: "ada", Client: "c", Value: []byte("1")}
		second := &Entry{Scope: first.Scope, Key: "ada", Client: "c", Value: []byte("2")}
		for _, e := range []*Entry{first, second} {
			if err := a.Put(decl, e); err != nil {
				t.Fatal(err)
			}
		}
		a.RemoveEntry(first)
		if n, _ := a.Len(); n != 1 {
			t.Errorf("%d entries after the removal of one that was replaced", n)
		}
		a.RemoveEntry(second)
		if n, _ := a.Len(); n != 0 {
			t.Errorf("%d entries", n)
		}
	})
}

// What other nodes send breaks no limit, and nothing panics.
func TestMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 6, 2)
		a, b := n.peers[0], n.peers[1]
		b.put("tea", "bob", "b", "")
		n.settle(50 * time.Millisecond)
		long := strings.Repeat("x", 1025)
		refused := 0
		for _, kind := range []backplane.Kind{backplane.PresenceDelta, backplane.PresenceState, backplane.PresenceAsk} {
			for _, body := range []string{
				"", "x", "[]", "1", `{"base":-1}`, `{"number":"x"}`, `{"put":[{"value":{"a"}}]}`, `{"entries":[1]}`, `{"asked":-1}`,
				`{"base":9,"number":1}`, `{"part":-1,"last":true}`, `{"part":9999999,"asked":1}`, `{"number":1,"remove":[{"room":"` + long + `"}]}`,
				`{"number":2,"put":[{"name":"online","room":"r","key":"k","client":"c"}]}`,
				`{"number":3,"put":[{"name":"` + long + `","value":1}]}`, `{"number":4,"put":[{"value":"` + strings.Repeat("x", maxValue) + `"}]}`,
			} {
				for _, origin := range []string{b.id, "00000000000000ff", ""} {
					m := &backplane.Message{Kind: kind, Origin: origin, Body: []byte(body)}
					if a.Receive(m) != nil {
						refused++
					}
					if origin != b.id && len(a.others) != 1 {
						t.Fatalf("a stranger is known after %s", body)
					}
				}
			}
		}
		if refused < 20 {
			t.Errorf("%d refused", refused)
		}
		b.put("tea", "carl", "c", "")
		n.settle(5 * time.Second) // the numbers were wrong, so the state is asked for
	})
}

// The bounds of what other nodes have.
func TestBoundOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 7, 2)
		a := n.peers[0]
		a.entries = maxEntries - 1 // of others
		n.peers[1].put("tea", "1", "1", "")
		pass(50 * time.Millisecond)
		n.peers[1].put("tea", "2", "2", "")
		pass(50 * time.Millisecond)
		pass(testBeat)
		if got := a.snapshot(); len(got) != 1 || len(a.log.Lines("entries of other nodes are left out")) != 1 {
			t.Errorf("%q\n%s", got, a.log)
		}
	})
}

// A table without other nodes sends nothing and has no goroutine.
func TestAlone(t *testing.T) {
	tab := New(Config{Node: "x"})
	if tab.Used() {
		t.Error("used")
	}
	e := &Entry{Scope: Scope{"online", "", "tea"}, Key: "k", Client: "c", Endpoint: 1, Value: []byte("1")}
	if err := tab.Put(decl, e); err != nil || !tab.Used() {
		t.Error(err)
	}
	if err := tab.Receive(&backplane.Message{Kind: backplane.PresenceDelta, Origin: "y"}); err != nil {
		t.Error(err)
	}
	if got := tab.List(e.Scope, []uint32{1, 2}); len(got) != 1 || !slices.Equal(got[0].Entries, []*Entry{e}) || tab.out.started {
		t.Errorf("%v", got)
	}
	if err := tab.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := tab.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
