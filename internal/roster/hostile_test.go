package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// A handler of changes of presence that is stuck does not collect the keys of all users that come and go meanwhile; when
// it goes on, it is called about those that are there, and about what it knows to have left.
func TestFault_F88_StuckHandlerOfPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 8, 1)
		p := n.peers[0]
		goOn, calls := make(chan struct{}), []string{}
		w := &Watcher{Name: "online", Endpoints: []uint32{1}, Linger: time.Second, Wait: time.Hour, Call: func(_ context.Context, c Change) error {
			if len(calls) == 0 {
				<-goOn
			}
			calls = append(calls, fmt.Sprint(len(c.Joined), len(c.Changed), len(c.Left)))
			return nil
		}}
		p.Watch(w)
		p.Open()
		p.put("tea", "first", "c", "")
		synctest.Wait() // it is stuck
		for i := range 5000 {
			client := fmt.Sprint(i)
			p.put("tea", "key "+client, client, "")
			p.put("room "+client, "ada", client, "")
			p.Gone(client)
		}
		p.put("tea", "last", "c", "")
		p.mu.Lock()
		kept := 0
		for _, all := range w.dirty {
			kept += len(all)
		}
		if p.mu.Unlock(); kept != 1 {
			t.Errorf("%d keys are kept for the handler", kept)
		}
		p.Remove(Scope{"online", "", "tea"}, "first", "c")
		close(goOn)
		pass(2 * time.Second)
		if got := strings.Join(calls, "; "); got != "1 0 0; 1 0 0; 0 0 1" {
			t.Errorf("called about %s", got)
		}
	})
}

// Each of several keys is reported as left soon after it was gone for the time of Linger, whenever the others went.
func TestLingerOfEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 9, 1)
		p := n.peers[0]
		gone, linger := map[string]time.Time{}, 2*time.Second
		p.Watch(&Watcher{Name: "online", Endpoints: []uint32{1}, Linger: linger, Wait: time.Hour, Call: func(_ context.Context, c Change) error {
			for _, k := range c.Left {
				if late := time.Since(gone[k.Key]) - linger; late < 0 || late > linger/lingerSteps {
					t.Errorf("%s is reported %v after its time", k.Key, late)
				}
				delete(gone, k.Key)
			}
			return nil
		}})
		p.Open()
		const keys = 50
		for i := range keys {
			p.put("tea", fmt.Sprint(i), fmt.Sprint(i), "")
		}
		pass(time.Second)
		for i := range keys {
			key := fmt.Sprint(i)
			gone[key] = time.Now()
			p.Gone(key)
			pass(90 * time.Millisecond)
		}
		pass(2 * linger)
		if len(gone) > 0 {
			t.Errorf("%d were not reported", len(gone))
		}
	})
}

// What arrives of the states of all nodes, and the deltas that wait for them, are bounded together, and a message of
// empty objects does not become a hundred times its size.
func TestFault_F88_StatesThatArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 10, 6)
		a, b := n.peers[0], n.peers[1]
		n.set(func() { n.drop = 1 })           // nothing is answered
		lost := func(p *peer, number uint64) { // a delta before it is missing
			body := fmt.Sprintf(`{"base":%d,"number":%d,"put":[{"name":"online","room":"r","key":"k","client":"c","value":"%s"}]}`,
				number, number+1, strings.Repeat("x", 60_000))
			if err := a.Receive(&backplane.Message{Kind: backplane.PresenceDelta, Origin: p.id, Body: []byte(body)}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			for _, p := range n.peers[1:] {
				lost(p, uint64(100+i))
			}
		}
		held, bytes := 0, 0
		a.mu.Lock()
		for _, r := range a.others {
			held += len(r.sync.held)
			for _, d := range r.sync.held {
				bytes += len(d.Put[0].Value)
			}
		}
		if bytes > 500*60_000 || bytes > maxHeldBytes/wireFactor || held == 0 {
			t.Errorf("%d deltas of %d bytes are held", held, bytes)
		}
		s := a.others[b.id].sync
		for range 3 * maxHeld {
			a.hold(s, delta{Put: make([]wireEntry, 1)}, 10)
		}
		if n := len(s.held); n > maxHeld || n == 0 {
			t.Errorf("%d deltas of a node are held", n)
		}
		a.mu.Unlock()

		pass(time.Millisecond) // it has asked
		a.mu.Lock()
		asked := a.others[b.id].sync.asked
		a.arrived.entries = maxEntries - 1
		a.mu.Unlock()
		state := func(part, entries int, entry string) error {
			body := fmt.Sprintf(`{"asked":%d,"part":%d,"entries":[%s]}`, asked, part, strings.TrimSuffix(strings.Repeat(entry+",", entries), ","))
			return a.Receive(&backplane.Message{Kind: backplane.PresenceState, Origin: b.id, Body: []byte(body)})
		}
		const one = `{"name":"online","room":"r","key":"k","client":"c","value":1}`
		for part := range 3 {
			if err := state(part, 1, one); err != nil {
				t.Fatal(err)
			}
		}
		a.mu.Lock()
		if n := len(a.others[b.id].sync.parts); n != 1 || a.leftOut != 2 {
			t.Errorf("%d parts are held, %d entries left out", n, a.leftOut)
		}
		a.arrived.entries -= maxEntries - 1
		a.mu.Unlock()
		if err := state(3, 100_000, "{}"); !errors.Is(err, envelope.ErrInvalid) {
			t.Errorf("empty objects: %v", err)
		}
		n.set(func() { n.drop = 0 })
		n.settle(10 * time.Second)
		pass(10 * time.Second)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.arrived != (memory{}) || a.heldBytes != 0 {
			t.Errorf("left: %+v, %d bytes of deltas", a.arrived, a.heldBytes)
		}
	})
}
