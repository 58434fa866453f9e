package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// moveLoad is the load of TestHandoverUnderLoad.
type moveLoad struct {
	clients int
	rate    int // events a second, of all nodes together
	room    int // clients of a room, which each event reaches
	rounds  int // how often each client moves
}

func (l moveLoad) rooms() int { return (l.clients + l.room - 1) / l.room }

// TestHandoverUnderLoad has clients that move between nodes at any moments while all nodes emit to their rooms. Those that are
// recovered receive each event once, and those of a node in order. With HANDOVER_CLIENTS all are recovered; HANDOVER_RATE is
// then how many events a second the nodes emit, 2,000 by default, and HANDOVER_ROOM how many clients each reaches, 5 by default.
// The links between the nodes differ in speed.
func TestHandoverUnderLoad(t *testing.T) {
	load, strict := moveLoad{clients: 20, rate: 200, room: 5, rounds: 3}, os.Getenv("HANDOVER_CLIENTS") != ""
	if strict {
		load.rate = 2000
		setByVariable(t, "HANDOVER_CLIENTS", &load.clients)
		setByVariable(t, "HANDOVER_RATE", &load.rate)
		setByVariable(t, "HANDOVER_ROOM", &load.room)
	}
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			read := make(chan struct{})
			t.Cleanup(func() { close(read) }) // after the nodes have stopped
			c := gather(t, memory.NewBus(memory.Seed(seed)), load)
			for _, n := range c.nodes {
				go n.discardLeft(read)
			}
			c.run(t, seed)
			if t.Failed() {
				return
			}
			lost, arrived := c.catchUp(t), uint64(0)
			for _, n := range c.nodes {
				arrived += arrivals(n)
			}
			c.report(t, lost, arrived)
			for _, n := range c.nodes {
				for _, line := range n.log.Lines("is a new one") {
					t.Log(line)
				}
			}
			if strict && lost > 0 || lost == load.clients {
				t.Errorf("%d of %d clients have become new ones", lost, load.clients)
			}
			if want := uint64(load.clients * load.rounds); lost == 0 && arrived != want {
				t.Errorf("%d clients have arrived, want %d", arrived, want)
			}
			for _, n := range c.nodes {
				testkit.Eventually(t, "nothing is left behind", func() bool { return lost > 0 || n.App.App().Stats().Endpoints[0].Suspended == 0 })
			}
			for _, v := range c.travellers {
				_ = v.conn.CloseNow()
			}
			for _, n := range c.nodes {
				testkit.Eventually(t, "HandleDisconnect has run", func() bool { return n.App.App().Stats().Endpoints[0].Clients+len(n.left) == 0 })
			}
		})
	}
}

// setByVariable sets a number by a variable of the environment, if there is one.
func setByVariable(t *testing.T, name string, n *int) {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		var err error
		if *n, err = strconv.Atoi(text); err != nil || *n <= 0 {
			t.Fatalf("%s=%s: want a number", name, text)
		}
	}
}

// discardLeft reads what HandleDisconnect reports, until done is closed.
func (n *node) discardLeft(done <-chan struct{}) {
	for {
		select {
		case <-n.left:
		case <-done:
			return
		}
	}
}

// travellers is clients in rooms of three nodes.
type travellers struct {
	moveLoad

	nodes      []*node
	travellers []*traveller
	sent       []atomic.Int64 // events of each source: of each node for each room
	took       time.Duration  // while the clients moved

	mu    sync.Mutex
	moves []time.Duration // how long each took
}

// source is that of a node's events for a room.
func (c *travellers) source(node, room int) int { return node*c.rooms() + room }

func roomName(room int) string { return fmt.Sprint("room ", room) }

// gather connects the clients. Each has received an event of each node, so that it has a position.
func gather(t *testing.T, bus *memory.Bus, load moveLoad) *travellers {
	c := &travellers{moveLoad: load, nodes: movingNodes(t, bus, 3), sent: make([]atomic.Int64, 3*load.rooms())}
	for i := range load.clients {
		v := &traveller{at: i % len(c.nodes), last: map[int]int{}}
		if runtime.GOOS == "linux" {
			v.dial = dialFrom(i)
		}
		if err := v.connect(c.nodes[v.at]); err != nil {
			t.Fatal(err)
		}
		if err := c.nodes[v.at].server.ToID(v.id).Join(t.Context(), roomName(i%c.rooms())); err != nil {
			t.Fatal(err)
		}
		c.travellers = append(c.travellers, v)
	}
	for node := range c.nodes {
		for room := range c.rooms() {
			if err := c.emit(t.Context(), node, room); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, v := range c.travellers {
		v.reads(t, len(c.nodes))
	}
	for i, from := range c.nodes {
		for j, to := range c.nodes {
			from.engine.SetFaults(memory.Faults{Delay: time.Duration(1+2*i+j) * time.Millisecond, Jitter: 4 * time.Millisecond}, to.engine)
		}
	}
	return c
}

func (c *travellers) emit(ctx context.Context, node, room int) error {
	source := c.source(node, room)
	n := c.sent[source].Load() + 1
	err := c.nodes[node].server.To(roomName(room)).Emit(ctx, "n", stamp{source, int(n)})
	c.sent[source].Store(n)
	return err
}

// run has all nodes emit until all clients have moved.
func (c *travellers) run(t *testing.T, seed uint64) {
	ctx, cancel := context.WithCancel(t.Context())
	var load, moves sync.WaitGroup
	started := time.Now()
	for node := range c.nodes {
		load.Go(func() {
			if err := c.emitAtRate(ctx, node, rand.New(rand.NewPCG(seed, uint64(node)<<32))); err != nil {
				t.Error(err)
			}
		})
	}
	for i, v := range c.travellers {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		moves.Go(func() {
			if err := c.travel(v, rnd); err != nil {
				t.Error(err)
			}
		})
	}
	moves.Wait()
	cancel()
	load.Wait()
	c.took = time.Since(started)
}

// emitAtRate has a node emit its part of the load, to rooms at random, until ctx ends.
func (c *travellers) emitAtRate(ctx context.Context, node int, rnd *rand.Rand) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	started, emitted := time.Now(), 0
	for {
		for due := int(time.Since(started).Seconds() * float64(c.rate) / float64(len(c.nodes))); emitted < due && ctx.Err() == nil; emitted++ {
			if err := c.emit(context.WithoutCancel(ctx), node, rnd.IntN(c.rooms())); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// catchUp has the clients read all that was sent, and returns how many have become new ones.
func (c *travellers) catchUp(t *testing.T) (lost int) {
	for i, v := range c.travellers {
		if v.lost {
			lost++
			continue
		}
		for node := range c.nodes {
			for source := c.source(node, i%c.rooms()); v.last[source] < int(c.sent[source].Load()); {
				v.reads(t, 1)
			}
		}
	}
	return lost
}

// report logs what the load was.
func (c *travellers) report(t *testing.T, lost int, arrived uint64) {
	events, deliveries := int64(0), 0
	for i := range c.sent {
		events += c.sent[i].Load()
	}
	for _, v := range c.travellers {
		for _, n := range v.last {
			deliveries += n
		}
	}
	perSecond := func(n float64) float64 { return n / c.took.Seconds() }
	slices.Sort(c.moves)
	t.Logf("%d clients in rooms of %d; %d events (%.0f/s), %d deliveries (%.0f/s); %d of %d moves (%.0f/s), in %v at the median, %v at the most; %d clients have become new ones",
		c.clients, c.room, events, perSecond(float64(events)), deliveries, perSecond(float64(deliveries)),
		arrived, c.clients*c.rounds, perSecond(float64(arrived)), c.moves[len(c.moves)/2].Round(time.Millisecond), c.moves[len(c.moves)-1].Round(time.Millisecond), lost)
}

// travel moves the client to another node, some times.
func (c *travellers) travel(v *traveller, rnd *rand.Rand) error {
	for range c.rounds {
		for range rnd.IntN(30) {
			if err := v.read(); err != nil {
				return err
			}
		}
		_ = v.conn.CloseNow() // its node may notice it after the next one
		v.at = (v.at + 1 + rnd.IntN(len(c.nodes)-1)) % len(c.nodes)
		started := time.Now()
		err := v.connect(c.nodes[v.at])
		c.mu.Lock()
		c.moves = append(c.moves, time.Since(started))
		c.mu.Unlock()
		if errors.Is(err, errNew) || errors.Is(err, errCut) {
			v.lost = true
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}
