package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// rollingLoad is the load of TestRollingRestart.
type rollingLoad struct {
	clients, room, rate, rounds int // rate: events a second, of all nodes together
	strict                      bool
}

// TestRollingRestart restarts three nodes, one after the other, some times, while they emit to the rooms of their clients, half of them
// of Socket.IO and half of plain WebSocket, which reconnect to any node. Those that are recovered receive each event once and in order. With ROLLING_CLIENTS, on a machine that
// has the time, nearly all are recovered; ROLLING_RATE is then how many events a second there are, 500 by default.
func TestRollingRestart(t *testing.T) {
	load := rollingLoadOf(t)
	run := func(t *testing.T, s service) {
		r := &rolling{rollingLoad: load, t: t}
		r.launch = func(source int) *rollingNode { return r.startApp(s, source) }
		r.play()
	}
	onEachService(t, run, "nats", "nats/embedded")
	t.Run("redis/streams", func(t *testing.T) { run(t, streamsService(t)) })
}

func (r *rolling) play() {
	for range 3 {
		r.nodes = append(r.nodes, r.start())
	}
	r.awaitNodes()
	for i := range r.clients {
		r.all = append(r.all, &rollingClient{of: r, number: i, room: i / r.room})
	}
	r.run()
	r.report()
}

// rooms returns how many rooms there are.
func (l rollingLoad) rooms() int { return l.clients/l.room + 1 }

func rollingLoadOf(t *testing.T) rollingLoad {
	t.Helper()
	load := rollingLoad{clients: 30, room: 5, rate: 100, rounds: 1}
	if os.Getenv("ROLLING_CLIENTS") != "" {
		load.rate, load.rounds, load.strict = 500, 3, true
		setByVariable(t, "ROLLING_CLIENTS", &load.clients)
		setByVariable(t, "ROLLING_RATE", &load.rate)
	}
	return load
}

// rolling is nodes that are restarted, and their clients.
type rolling struct {
	rollingLoad

	t      *testing.T
	launch func(source int) *rollingNode

	mu      sync.Mutex
	nodes   []*rollingNode // those that run
	sources []*rollingSource
	stops   []time.Duration

	all        []*rollingClient
	ended      atomic.Bool
	reconnects atomic.Int64
	recovered  atomic.Int64
	deliveries atomic.Int64
	took       time.Duration
}

// rollingSource is the events of one node for the rooms.
type rollingSource struct {
	mu   sync.Mutex
	sent []int // by room
	over bool  // its node stops
}

// rollingNode is a node: an application in this process, or a process.
type rollingNode struct {
	source  int
	url     string
	others  func() int    // how many nodes it knows
	lost    func() uint64 // messages between the nodes
	present func() int    // its clients
	stop    func() error
	log     fmt.Stringer
	server  *websockets.Server // nil for a process, which emits by itself
	emit    func()             // has a process emit; nil without
	quiet   func()             // has it emit no more
}

// rollingGateway puts clients into the room that they name.
type rollingGateway struct {
	Server *websockets.Server `websockets:"server"`

	left func(room int)
}

func (*rollingGateway) Subscriptions() []websockets.Subscription { return nil }

type rollingAuth struct{ Room int }

var rollingRoom = websockets.NewKey[int]("rolling room", websockets.Shared())

func (*rollingGateway) HandleConnection(_ context.Context, c websockets.Client) error {
	if c.Recovered() {
		return nil
	}
	var auth rollingAuth
	if room := c.Request().URL.Query().Get("room"); room != "" { // plain WebSocket
		auth.Room, _ = strconv.Atoi(room)
	} else if err := c.Auth().Decode(&auth); err != nil {
		return err
	}
	rollingRoom.Set(c, auth.Room)
	return c.Join(roomName(auth.Room))
}

// HandleDisconnect emits during a stop, too.
func (g *rollingGateway) HandleDisconnect(_ context.Context, c websockets.Client, r websockets.Reason) {
	if room, ok := rollingRoom.Get(c); ok && r.Cause == websockets.CauseShutdown {
		g.left(room)
	}
}

func (r *rolling) start() *rollingNode {
	r.mu.Lock()
	source := len(r.sources)
	r.sources = append(r.sources, &rollingSource{sent: make([]int, r.rooms())})
	r.mu.Unlock()
	return r.launch(source)
}

// startApp starts a node in this process.
func (r *rolling) startApp(s service, source int) *rollingNode {
	log, g := &testkit.Log{}, &rollingGateway{}
	n := &rollingNode{source: source, log: log}
	g.left = func(room int) { r.emit(n, room, true) }
	x := apptest.New(r.t, rollingModule(func() *rollingGateway { return g }),
		apptest.With(app.Logger(log.Logger(slog.LevelInfo)), app.Backplane(s(), rollingBeats)))
	n.url, n.server, n.stop = x.URL(), g.Server, func() error { return x.App().Stop(r.t.Context()) }
	n.others = func() int { return len(g.Server.Nodes()) }
	n.present = func() (clients int) {
		for _, e := range x.App().Stats().Endpoints {
			clients += e.Clients
		}
		return clients
	}
	n.lost = func() uint64 {
		b := x.App().Stats().Backplane
		return b.Gaps + b.Dropped
	}
	return n
}

var rollingBeats = backplane.Beats(500*time.Millisecond, time.Minute)

// rollingModule has clients of both platforms, which may be recovered.
func rollingModule[G any](newGateway func() *G) *module.Module {
	recovery := adapter.Recovery{MaxClientsPerAddress: 10_000}
	return module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Shares(rollingRoom),
		websockets.Via(socketio.New(socketio.Options{Recovery: &recovery})),
		websockets.Via(ws.New(ws.Options{Recovery: &recovery}), websockets.Path("/ws")))))
}

func (r *rolling) awaitNodes() {
	r.mu.Lock()
	nodes := slices.Clone(r.nodes)
	r.mu.Unlock()
	for _, n := range nodes {
		testkit.Eventually(r.t, "the nodes know each other", func() bool { return n.others() == len(nodes) })
	}
}

// any returns a node that runs.
func (r *rolling) any(rnd *rand.Rand) *rollingNode {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nodes[rnd.IntN(len(r.nodes))]
}

// emit emits the next event of a node to a room; by a handler of a node that stops, too.
func (r *rolling) emit(n *rollingNode, room int, stopping bool) {
	r.mu.Lock()
	s := r.sources[n.source]
	r.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over && !stopping {
		return
	}
	s.sent[room]++
	if err := n.server.To(roomName(room)).Emit(context.Background(), "n", stamp{n.source*len(s.sent) + room, s.sent[room]}); err != nil {
		r.t.Errorf("Emit: %v", err)
	}
}

func (r *rolling) run() {
	ctx, cancel := context.WithCancel(r.t.Context())
	var load, clients sync.WaitGroup
	started := time.Now()
	for _, c := range r.all {
		clients.Go(func() { c.run(rand.New(rand.NewPCG(1, uint64(c.number)))) })
	}
	testkit.Eventually(r.t, "all clients are connected", func() bool {
		n := 0
		for _, x := range r.nodes {
			n += x.present()
		}
		return n == r.clients
	})
	for _, n := range r.nodes {
		n.load()
	}
	load.Go(func() {
		rnd := rand.New(rand.NewPCG(2, 0))
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for from, emitted := time.Now(), 0; ctx.Err() == nil; <-tick.C {
			for due := int(time.Since(from).Seconds() * float64(r.rate)); emitted < due; emitted++ {
				if n := r.any(rnd); n.server != nil {
					r.emit(n, rnd.IntN((r.clients+r.room-1)/r.room), false)
				}
			}
		}
	})
	for range r.rounds {
		for i := range 3 {
			r.restart(i)
			<-time.After(time.Second) // as between the steps of a deployment
		}
	}
	cancel()
	load.Wait()
	for _, n := range r.nodes {
		if n.emit != nil {
			n.quiet()
		}
	}
	r.took = time.Since(started)
	r.ended.Store(true)
	for _, c := range r.all {
		testkit.Eventually(r.t, "a client has all", func() bool { return c.has(r) || r.t.Failed() })
		c.cut()
	}
	clients.Wait()
}

// restart stops a node and starts another one in its place.
func (r *rolling) restart(i int) {
	r.mu.Lock()
	n := r.nodes[i]
	s := r.sources[n.source]
	r.mu.Unlock()
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	started := time.Now()
	if err := n.stop(); err != nil {
		r.t.Errorf("Stop: %v", err)
	}
	r.mu.Lock()
	r.stops = append(r.stops, time.Since(started))
	r.mu.Unlock()
	r.logs(n)
	next := r.start()
	r.mu.Lock()
	r.nodes[i] = next
	r.mu.Unlock()
	r.awaitNodes()
	next.load()
}

// load has a process emit.
func (n *rollingNode) load() {
	if n.emit != nil {
		n.emit()
	}
}

// logs has the test show what a node has logged of failures.
func (r *rolling) logs(n *rollingNode) {
	for line := range strings.Lines(n.log.String()) {
		if strings.Contains(line, "new one") || !strings.Contains(line, "level=INFO") && strings.TrimSpace(line) != "" {
			r.t.Logf("node %d: %s", n.source, strings.TrimSpace(line))
		}
	}
}

func (r *rolling) report() {
	events := 0
	for _, s := range r.sources {
		for _, n := range s.sent {
			events += n
		}
	}
	for _, n := range r.nodes {
		r.logs(n)
	}
	back, recovered := r.reconnects.Load(), r.recovered.Load()
	perSecond := func(n int) float64 { return float64(n) / r.took.Seconds() }
	r.t.Logf("%d clients in rooms of %d, %d restarts in %v, each stop within %v; %d events (%.0f/s), %d deliveries (%.0f/s); %d of %d reconnects recovered (%.2f %%)",
		r.clients, r.room, len(r.stops), r.took.Round(time.Millisecond), slices.Max(r.stops).Round(time.Millisecond), events, perSecond(events), r.deliveries.Load(), perSecond(int(r.deliveries.Load())),
		recovered, back, 100*float64(recovered)/float64(max(1, back)))
	if least := map[bool]float64{true: 0.995, false: 0.1}[r.strict]; float64(recovered) < least*float64(back) || back < int64(r.clients*r.rounds/2) {
		r.t.Errorf("%d of %d reconnects were recovered", recovered, back)
	}
}

// rollingClient is a client that reconnects to any node.
type rollingClient struct {
	traveller

	of           *rolling
	number, room int
	received     bool // an event, since it was a new client
	again        bool // it has been connected
	holed        bool // it has missed an event, since it was a new client

	mu  sync.Mutex
	off bool        // it has ended
	got map[int]int // the last event of each source, since it was a new client
	new bool        // it has not been the same client from the start
}

// missing reports whether messages between the nodes were lost: a machine that does not run for seconds loses some.
func (r *rolling) missing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.nodes, func(n *rollingNode) bool { return n.lost() > 0 })
}

// hole is called when a client has missed an event. It may have where messages between the nodes were lost; then it must not be
// recovered any more.
func (c *rollingClient) hole(missed error) {
	c.of.t.Log(missed)
	c.mu.Lock()
	c.holed = true
	c.mu.Unlock()
	if c.of.strict || !testkit.Within(5*time.Second, c.of.missing) {
		c.of.t.Error(missed)
	}
}

// run connects again and again until the end.
func (c *rollingClient) run(rnd *rand.Rand) {
	if runtime.GOOS == "linux" {
		c.dial = dialFrom(c.number)
	}
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.off = true
	}()
	for !c.of.ended.Load() {
		if err := c.connectAs(c.of.any(rnd)); err != nil {
			<-time.After(time.Duration(10+rnd.IntN(40)) * time.Millisecond) // it stops, or has not started
			continue
		}
		if err := c.readAll(); errors.Is(err, errWrong) {
			c.of.t.Error(err)
			return
		}
		<-time.After(time.Duration(20+rnd.IntN(300)) * time.Millisecond)
	}
}

// plain reports whether it is a client of plain WebSocket: every other one.
func (c *rollingClient) plain() bool { return c.number%2 == 1 }

// connectAs connects as the client that it was.
func (c *rollingClient) connectAs(n *rollingNode) error {
	before, pid, offset := c.id, c.pid, c.offset
	if before != "" && !c.received { // its HandleConnection may not have returned: it may be a new client
		before, c.id, c.pid = "", "", ""
	}
	var err error
	if c.plain() {
		err = c.connectPlain(fmt.Sprintf("%s/ws?room=%d", n.url, c.room))
	} else {
		err = c.connectWith(n.url, map[string]any{"pid": c.pid, "offset": c.offset, "room": c.room})
	}
	same := err == nil
	if errors.Is(err, errNew) {
		err = nil
	}
	if err != nil {
		return err
	}
	if before != "" {
		c.of.reconnects.Add(1)
		if same {
			c.of.recovered.Add(1)
		} else {
			c.of.t.Logf("client %d, %s, is a new one at node %d: it has come by %s, %s", c.number, before, n.source, pid, offset)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.again = true }()
	if same && before != "" && c.holed {
		c.of.t.Errorf("client %d, %s, has missed an event, and is recovered by node %d", c.number, before, n.source)
	}
	if !same || before == "" {
		c.received, c.holed = false, false
		c.new = c.again
		c.got = map[int]int{}
	}
	return nil
}

var errWrong = errors.New("an event has come twice")

// readAll reads until the connection ends.
func (c *rollingClient) readAll() error {
	for {
		name, payload, err := c.event()
		if err != nil {
			return err
		}
		if name != "n" {
			continue // the time after which to reconnect
		}
		c.received = true
		var s stamp
		if err := json.Unmarshal(payload, &s); err != nil {
			return err
		}
		c.of.deliveries.Add(1)
		c.mu.Lock()
		last, known := c.got[s.Source]
		c.got[s.Source] = s.N
		lost := known && s.N > last+1 || !known && !c.new && s.N != 1
		c.mu.Unlock()
		if known && s.N <= last {
			return fmt.Errorf("client %d, source %d: event %d after %d: %w", c.number, s.Source, s.N, last, errWrong)
		}
		if lost {
			c.hole(fmt.Errorf("client %d, source %d: event %d after %d: some are lost", c.number, s.Source, s.N, last))
		}
	}
}

// event reads an event and notes its position.
func (c *rollingClient) event() (name string, payload json.RawMessage, err error) {
	if c.plain() {
		return c.plainEvent()
	}
	return c.ioEvent()
}

// has reports whether the client has all events: those of nodes that run, and for one that was never a new client those of all.
func (c *rollingClient) has(r *rolling) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off || c.holed {
		return true
	}
	for i, s := range r.sources {
		source := i*len(s.sent) + c.room
		if last, known := c.got[source]; last != s.sent[c.room] && (known || !c.new) {
			return false
		}
	}
	return true
}

func (c *rollingClient) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.CloseNow()
	}
}
