package cluster_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// churnLoad is the load of TestMoveChurn.
type churnLoad struct {
	time     time.Duration // of a phase
	absent   int           // at a node, at most
	restarts time.Duration // how often a node is restarted
}

// TestMoveChurn has clients of both platforms that come, move, are cut off and never return, at nodes of which one after the other is
// restarted, so that absent clients are at their limit and are parked. Afterwards nothing of them is left, and a second phase leaves no
// more than the first one. MOVE_CHURN=30m is how long each of the two phases is, with 10,000 absent clients.
func TestMoveChurn(t *testing.T) {
	load := churnLoad{time: 2 * time.Second, absent: 100, restarts: 500 * time.Millisecond}
	if text := os.Getenv("MOVE_CHURN"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		load = churnLoad{time: d, absent: 10_000, restarts: 30 * time.Second}
	}
	c := &churn{churnLoad: load, t: t, bus: memory.NewBus()}
	for i := range c.nodes {
		c.nodes[i] = c.start()
	}
	var left [2]residue
	for phase := range left {
		before := c.connected.Load()
		c.run(uint64(phase))
		left[phase] = c.settle()
		t.Logf("phase %d: %d connections, %d of %d returns recovered, %d restarts, at most %d absent; afterwards %d KiB, %d goroutines",
			phase, c.connected.Load()-before, c.recovered.Load(), c.returns.Load(), c.restarted, c.most, left[phase].heap>>10, left[phase].goroutines)
	}
	if most := left[0].heap + 4<<20; left[1].heap > most {
		t.Errorf("%d bytes are left after the second phase, and %d after the first one", left[1].heap, left[0].heap)
	}
	if left[1].goroutines > left[0].goroutines+10 {
		t.Errorf("%d goroutines are left after the second phase, and %d after the first one", left[1].goroutines, left[0].goroutines)
	}
	if c.most > 2*load.absent {
		t.Errorf("%d clients were absent at a node with a limit of %d for each platform", c.most, load.absent)
	}
	if c.recovered.Load() == 0 {
		t.Error("no client is recovered")
	}
}

// churn is nodes whose clients come and go.
type churn struct {
	churnLoad

	t   *testing.T
	bus *memory.Bus

	mu    sync.Mutex
	nodes [3]*node

	connected, returns, recovered atomic.Int64
	restarted, most               int // of the goroutine of the test
}

// residue is what is left when all clients are gone.
type residue struct {
	heap       uint64
	goroutines int
}

func (c *churn) start() *node {
	n := &node{log: &testkit.Log{}, engine: c.bus.Node()}
	recovery := adapter.Recovery{MaxClients: c.absent, MaxClientsPerAddress: c.absent, MaxDisconnection: max(c.time/60, time.Second)}
	m := module.New("program", module.Exports(websockets.Gateway(newGatewayWithoutEnds, websockets.Via(socketio.New(socketio.Options{Recovery: &recovery})),
		websockets.Via(ws.New(ws.Options{Recovery: &recovery}), websockets.Path("/ws")))))
	n.App = apptest.New(c.t, m, apptest.With(app.Logger(slog.New(slog.DiscardHandler)), app.Backplane(n.engine, backplane.Beats(500*time.Millisecond, time.Minute))))
	n.server = apptest.Get[*gatewayWithoutEnds](n.App).Server
	return n
}

// gatewayWithoutEnds reports no ends of clients.
type gatewayWithoutEnds struct {
	Server *websockets.Server `websockets:"server"`
}

func newGatewayWithoutEnds() *gatewayWithoutEnds { return &gatewayWithoutEnds{} }

func (*gatewayWithoutEnds) Subscriptions() []websockets.Subscription { return nil }

func (c *churn) node(i int) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i]
}

// run has clients come and go for a phase, while all nodes emit and one after the other is restarted.
func (c *churn) run(seed uint64) {
	ctx, cancel := context.WithTimeout(c.t.Context(), c.time)
	defer cancel()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() { c.visit(ctx, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	all.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		text := strings.Repeat("x", 500)
		for i := 0; ctx.Err() == nil; i++ {
			_ = c.node(i%len(c.nodes)).server.Emit(ctx, "n", text) // it may stop at this moment
			<-tick.C
		}
	})
	restart := time.NewTicker(c.restarts)
	defer restart.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for i := 0; ; {
		select {
		case <-ctx.Done():
			all.Wait()
			return
		case <-look.C:
			for i := range c.nodes {
				c.most = max(c.most, c.absentAt(c.node(i)))
			}
		case <-restart.C:
			if err := c.node(i).App.App().Stop(c.t.Context()); err != nil {
				c.t.Error(err)
			}
			next := c.start()
			c.mu.Lock()
			c.nodes[i] = next
			c.mu.Unlock()
			i = (i + 1) % len(c.nodes)
			c.restarted++
		}
	}
}

func (*churn) absentAt(n *node) (absent int) {
	for _, e := range n.App.App().Stats().Endpoints {
		absent += e.Suspended
	}
	return absent
}

// visit has clients come, one after the other: each moves up to three times, and is cut off.
func (c *churn) visit(ctx context.Context, rnd *rand.Rand) {
	for ctx.Err() == nil {
		v := &traveller{last: map[int]int{}}
		plain := rnd.IntN(2) == 0
		for visit := range 1 + rnd.IntN(4) {
			at, former := c.node(rnd.IntN(len(c.nodes))), v.id
			v.conn = nil
			var err error
			if plain {
				err = v.connectPlain(at.URL() + "/ws")
			} else {
				err = v.connect(at)
			}
			if v.conn == nil {
				break // it has stopped
			}
			c.connected.Add(1)
			if visit > 0 {
				c.returns.Add(1)
				if v.id == former && err == nil {
					c.recovered.Add(1)
				}
			}
			conn := v.conn
			over := context.AfterFunc(ctx, func() { _ = conn.CloseNow() }) // no event comes any more
			for range rnd.IntN(5) {
				if err == nil {
					err = v.readAny(plain)
				}
			}
			over()
			_ = v.conn.CloseNow()
			if v.pid == "" {
				break
			}
		}
	}
}

// readAny reads an event and notes its position.
func (v *traveller) readAny(plain bool) error {
	if plain {
		_, _, err := v.plainEvent()
		return err
	}
	_, _, err := v.ioEvent()
	return err
}

// settle waits until all clients are gone, and returns what is left.
func (c *churn) settle() residue {
	c.t.Helper()
	for i := range c.nodes {
		if !testkit.Within(4*max(c.time/60, time.Second)+testkit.Patience, func() bool {
			n := c.absentAt(c.node(i))
			for _, e := range c.node(i).App.App().Stats().Endpoints {
				n += e.Clients
			}
			return n == 0
		}) {
			c.t.Fatal("some clients are not gone")
		}
	}
	var s residue
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	s.heap = m.HeapAlloc
	testkit.WithinEvery(10*time.Millisecond, time.Second, func() bool {
		n := runtime.NumGoroutine()
		if s.goroutines == 0 || n < s.goroutines {
			s.goroutines = n
		}
		return false
	})
	return s
}
