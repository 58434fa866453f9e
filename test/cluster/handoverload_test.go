package cluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// stamp is an event of the load: the n-th of a source.
type stamp struct {
	Source int
	N      int
}

// traveller is a client of Socket.IO that moves between nodes, and what it has received.
type traveller struct {
	conn        *websocket.Conn
	pid, offset string
	id          string
	at          int // its node
	last        map[int]int
	lost        bool // it has become a new one
}

// errNew: the client is a new one.
var errNew = errors.New("it is a new client")

// connect connects to a node, as the client that it was before; another id is an error.
func (v *traveller) connect(n *node) error {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	var err error
	v.conn, _, err = websocket.Dial(ctx, n.URL()+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return err
	}
	v.conn.SetReadLimit(1 << 20)
	if _, err = v.next(ctx, "0"); err != nil {
		return err
	}
	auth, _ := json.Marshal(map[string]string{"pid": v.pid, "offset": v.offset})
	if err = v.conn.Write(ctx, websocket.MessageText, append([]byte("40"), auth...)); err != nil {
		return err
	}
	text, err := v.next(ctx, "40")
	if err != nil {
		return err
	}
	var answer struct{ SID, PID string }
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if v.id != "" && v.id != answer.SID {
		return fmt.Errorf("client %s is %s at another node: %w", v.id, answer.SID, errNew)
	}
	v.id, v.pid = answer.SID, answer.PID
	return nil
}

// next returns the next packet, which must have a prefix. It answers pings.
func (v *traveller) next(ctx context.Context, prefix string) ([]byte, error) {
	for {
		_, text, err := v.conn.Read(ctx)
		switch rest, is := bytes.CutPrefix(text, []byte(prefix)); {
		case err != nil:
			return nil, fmt.Errorf("client %s: %w", v.id, err)
		case string(text) == "2":
			_ = v.conn.Write(ctx, websocket.MessageText, []byte("3"))
		case is:
			return rest, nil
		default:
			return nil, fmt.Errorf("client %s: %s, want %s…", v.id, text, prefix)
		}
	}
}

// read reads one event, and reports whether it is not the next one of its source. Those count from 1.
func (v *traveller) read() error {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	text, err := v.next(ctx, "42")
	if err != nil {
		return err
	}
	var args [3]json.RawMessage // name, stamp, offset
	var s stamp
	if err := errors.Join(json.Unmarshal(text, &args), json.Unmarshal(args[1], &s), json.Unmarshal(args[2], &v.offset)); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	if want := v.last[s.Source] + 1; s.N != want {
		return fmt.Errorf("client %s: source %d: event %d after %d", v.id, s.Source, s.N, want-1)
	}
	v.last[s.Source] = s.N
	return nil
}

// TestHandoverUnderLoad has clients that move between nodes at any moments while all nodes emit to a room. Those that are recovered
// receive each event once, and those of a node in order. With HANDOVER_CLIENTS, on a machine that has the time, all are
// recovered. The links between the nodes differ in speed.
func TestHandoverUnderLoad(t *testing.T) {
	clients, rounds, strict := 20, 3, false
	if long := os.Getenv("HANDOVER_CLIENTS"); long != "" {
		clients, _ = strconv.Atoi(long)
		strict = true
	}
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			c := gather(t, memory.NewBus(memory.Seed(seed)), clients)
			read := make(chan struct{})
			defer close(read)
			for _, n := range c.nodes {
				go n.discardLeft(read)
			}
			c.run(t, seed, rounds)
			if t.Failed() {
				return
			}
			lost, arrived := c.catchUp(t), uint64(0)
			for _, n := range c.nodes {
				arrived += arrivals(n)
			}
			t.Logf("%d clients have moved, of %d; %d have become new ones", arrived, clients*rounds, lost)
			if strict && lost > 0 || lost == clients {
				t.Errorf("%d of %d clients have become new ones", lost, clients)
			}
			if want := uint64(clients * rounds); lost == 0 && arrived != want {
				t.Errorf("%d clients have arrived, want %d", arrived, want)
			}
			for _, n := range c.nodes {
				testkit.Eventually(t, "nothing is left behind", func() bool { return lost > 0 || n.App.App().Stats().Endpoints[0].Suspended == 0 })
			}
			for _, v := range c.people {
				_ = v.conn.CloseNow()
			}
			for _, n := range c.nodes {
				testkit.Eventually(t, "HandleDisconnect has run", func() bool { return n.App.App().Stats().Endpoints[0].Clients+len(n.left) == 0 })
			}
		})
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

// travellers is clients in a room of three nodes.
type travellers struct {
	nodes  []*node
	people []*traveller
	sent   [3]atomic.Int64 // events of each node
}

// gather connects the clients. Each has received an event of each node, so that it has a position.
func gather(t *testing.T, bus *memory.Bus, clients int) *travellers {
	c := &travellers{nodes: movingNodes(t, bus, 3)}
	for i := range clients {
		v := &traveller{at: i % len(c.nodes), last: map[int]int{}}
		if err := v.connect(c.nodes[v.at]); err != nil {
			t.Fatal(err)
		}
		if err := c.nodes[v.at].server.ToID(v.id).Join(t.Context(), "tea"); err != nil {
			t.Fatal(err)
		}
		c.people = append(c.people, v)
	}
	for source := range c.nodes {
		if err := c.emit(t.Context(), source); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range c.people {
		v.reads(t, len(c.nodes))
	}
	for i, from := range c.nodes {
		for j, to := range c.nodes {
			from.engine.SetFaults(memory.Faults{Delay: time.Duration(1+2*i+j) * time.Millisecond, Jitter: 4 * time.Millisecond}, to.engine)
		}
	}
	return c
}

func (c *travellers) emit(ctx context.Context, source int) error {
	n := c.sent[source].Load() + 1
	err := c.nodes[source].server.To("tea").Emit(ctx, "n", stamp{source, int(n)})
	c.sent[source].Store(n)
	return err
}

// run has all nodes emit until all clients have moved.
func (c *travellers) run(t *testing.T, seed uint64, rounds int) {
	every := time.Duration(len(c.people)) * time.Millisecond / 2 // so that all clients together receive as much, however many they are
	ctx, cancel := context.WithCancel(t.Context())
	var load, moves sync.WaitGroup
	for source := range c.nodes {
		load.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for ctx.Err() == nil {
				if err := c.emit(t.Context(), source); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	for i, v := range c.people {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		moves.Go(func() {
			if err := v.travel(c.nodes, rnd, rounds); err != nil {
				t.Error(err)
			}
		})
	}
	moves.Wait()
	cancel()
	load.Wait()
}

// catchUp has the clients read all that was sent, and returns how many have become new ones.
func (c *travellers) catchUp(t *testing.T) (lost int) {
	for _, v := range c.people {
		if v.lost {
			lost++
			continue
		}
		for source := range c.nodes {
			for v.last[source] < int(c.sent[source].Load()) {
				v.reads(t, 1)
			}
		}
	}
	return lost
}

// travel moves the client to another node, some times.
func (v *traveller) travel(all []*node, rnd *rand.Rand, rounds int) error {
	for range rounds {
		for range rnd.IntN(30) {
			if err := v.read(); err != nil {
				return err
			}
		}
		_ = v.conn.CloseNow() // its node may notice it after the next one
		v.at = (v.at + 1 + rnd.IntN(len(all)-1)) % len(all)
		if err := v.connect(all[v.at]); errors.Is(err, errNew) {
			v.lost = true
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}
