package roster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// network connects tables, with faults. Tests run it in a bubble of testing/synctest.
type network struct {
	t   *testing.T
	rnd *rand.Rand

	mu     sync.Mutex
	peers  []*peer
	drop   float64       // of messages
	jitter time.Duration // messages overtake each other within it
	full   float64       // how often Send fails
	kinds  map[backplane.Kind]int
	sent   time.Duration // a nanosecond for each message

	latency time.Duration // of every message
	slow    time.Duration // more for states, which go by another channel
}

// peer is one node.
type peer struct {
	*Table

	n     *network
	id    string
	log   *testkit.Log
	group int
	dead  bool
	sees  []string // the nodes that it believes to live
	queue int      // what Queued returns
}

const testBeat = 200 * time.Millisecond

func newNetwork(t *testing.T, seed uint64, nodes int) *network {
	n := &network{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), kinds: map[backplane.Kind]int{}}
	for range nodes {
		n.add()
	}
	n.meet()
	return n
}

// add starts a node, which the others do not know yet.
func (n *network) add() *peer {
	n.mu.Lock()
	p := &peer{n: n, id: fmt.Sprintf("%016x", len(n.peers)+1), log: &testkit.Log{}}
	p.Table = New(Config{Node: p.id, Link: p, Beat: testBeat, Log: p.log.Logger(slog.LevelInfo)})
	n.peers = append(n.peers, p)
	n.mu.Unlock()
	n.t.Cleanup(p.stop)
	return p
}

func (p *peer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		p.n.t.Error(err)
	}
}

// meet has each node see those of its group that are not dead, which it notices at once.
func (n *network) meet() {
	n.mu.Lock()
	for _, p := range n.peers {
		p.sees = nil
		for _, q := range n.peers {
			if q != p && !q.dead && q.group == p.group {
				p.sees = append(p.sees, q.id)
			}
		}
	}
	all := slices.Clone(n.peers)
	n.mu.Unlock()
	for _, p := range all {
		p.Members()
	}
}

func (n *network) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// Others implements [Link].
func (p *peer) Others() (all []backplane.Node) {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	for _, other := range p.sees {
		all = append(all, backplane.Node{ID: other})
	}
	return all
}

// Queued implements [Link].
func (p *peer) Queued() int {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	return p.queue
}

// Send implements [Link].
func (p *peer) Send(m *backplane.Message) error {
	n := p.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(m.Body) == 0 || m.Kind == 0 {
		n.t.Errorf("a message without a body: %+v", m)
	}
	if n.rnd.Float64() < n.full {
		return errors.New("full")
	}
	n.kinds[m.Kind]++
	m.Origin = p.id
	for _, q := range n.peers {
		if q == p || p.dead || q.dead || p.group != q.group || m.To != "" && m.To != q.id || n.rnd.Float64() < n.drop {
			continue
		}
		c := *m
		n.sent++
		delay := n.latency + n.sent // in order
		if m.Kind == backplane.PresenceState {
			delay += n.slow
		}
		if n.jitter > 0 {
			delay = time.Duration(n.rnd.Float64() * float64(n.jitter))
		}
		time.AfterFunc(delay, func() {
			n.mu.Lock()
			lost := p.dead || q.dead || p.group != q.group
			n.mu.Unlock()
			if !lost {
				if err := q.Receive(&c); err != nil {
					n.t.Error(err)
				}
			}
		})
	}
	return nil
}

var decl = Decl{Name: "online", PerRoom: 10_000, Entries: 100_000, Bytes: 4096}

// put tracks a client of a node, whose endpoint is 1.
func (p *peer) put(room, key, client, value string) {
	b, _ := json.Marshal(value)
	if err := p.Put(decl, &Entry{Scope: Scope{"online", "", room}, Key: key, Client: client, Endpoint: 1, Value: b}); err != nil {
		p.n.t.Error(err)
	}
}

// snapshot returns all entries of some nodes that a table has, in a form to compare.
func (t *Table) snapshot(of ...string) (all []string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for s, p := range t.places {
		n := 0
		for key, entries := range p.keys {
			if len(entries) == 0 {
				all = append(all, "an empty key")
			}
			n += len(entries)
			for _, e := range entries {
				if len(of) == 0 || slices.Contains(of, e.Node) {
					all = append(all, fmt.Sprint(s, key, e.Client, e.Node, e.Endpoint, string(e.Value)))
				}
			}
		}
		if n != p.entries || n == 0 {
			all = append(all, fmt.Sprintf("room %v: %d entries, counted %d", s, n, p.entries))
		}
	}
	slices.Sort(all)
	return all
}

// truth returns the entries that a node must have: those of the nodes that it sees, and its own.
func (p *peer) truth() (all []string) {
	p.n.mu.Lock()
	sees := slices.Clone(p.sees)
	peers := slices.Clone(p.n.peers)
	p.n.mu.Unlock()
	for _, q := range peers {
		if q == p || slices.Contains(sees, q.id) {
			all = append(all, q.snapshot(q.id)...)
		}
	}
	slices.Sort(all)
	return all
}

// settle fails the test unless all nodes have what they must have within a time, and keep it.
func (n *network) settle(within time.Duration) {
	n.t.Helper()
	check := func() string {
		for _, p := range n.peers {
			if got, want := p.snapshot(), p.truth(); !p.dead && !slices.Equal(got, want) {
				return fmt.Sprintf("node %s has %d entries, want %d\n got %.2000q\nwant %.2000q", p.id, len(got), len(want), got, want)
			}
		}
		return ""
	}
	for start := time.Now(); check() != ""; pass(10 * time.Millisecond) {
		if time.Since(start) > within {
			n.t.Fatal(check())
		}
	}
	pass(3 * time.Second)
	if problem := check(); problem != "" {
		n.t.Fatal("later: " + problem)
	}
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
