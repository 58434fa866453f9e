//go:build unix

package cluster_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

// processNode is a node that is a process of its own.
type processNode struct {
	*subprocess.Process

	t              *testing.T
	name, addr, at string // where clients and other nodes connect
	before         nodeState
}

// town is nodes with their clients.
type town struct {
	t     *testing.T
	redis string
	beat  time.Duration
	dead  time.Duration
	nodes []*processNode
	all   []*walker
}

// newTown starts three nodes with 60 clients, and lets all of them emit.
func newTown(t *testing.T, redis string, beat, dead time.Duration) *town {
	t.Helper()
	w := &town{t: t, redis: redis, beat: beat, dead: dead}
	for i := range 3 {
		w.nodes = append(w.nodes, w.launch(string(rune('a'+i))))
	}
	w.meet()
	for _, n := range w.nodes {
		n.measure()
	}
	for i := range 60 {
		w.all = append(w.all, w.nodes[i%3].enter(fmt.Sprintf("%02d", i), 1))
	}
	w.present(testkit.Patience, w.nodes...)
	for _, n := range w.nodes {
		n.Send("emit")
	}
	w.hear(50, w.nodes...)
	return w
}

// lookingForPeer is the goroutine of the NATS server that dials a peer that was killed, again and again.
const lookingForPeer = 1

// measure records what a node has without clients, after the first two: some goroutines start with these, and stay.
func (n *processNode) measure() {
	n.t.Helper()
	for _, c := range []*walker{n.enter("90", 1), n.enter("93", 1)} {
		c.peer.Reset()
		testkit.Receive(n.t, "the end of a client", c.ended)
	}
	testkit.Eventually(n.t, "the first clients have left", func() bool { return len(n.state().Present) == 0 })
	n.before = n.state()
	testkit.WithinEvery(10*time.Millisecond, 200*time.Millisecond, func() bool {
		s := n.state()
		n.before.Goroutines, n.before.Files = min(n.before.Goroutines, s.Goroutines), min(n.before.Files, s.Files)
		return false
	})
}

// launch starts a node that finds those that run.
func (w *town) launch(name string) *processNode {
	w.t.Helper()
	var peers []string
	for _, n := range w.nodes {
		peers = append(peers, n.at)
	}
	n := &processNode{t: w.t, name: name}
	n.Process = subprocess.Run(w.t, nodeProgram, nodeSettings{Name: name, Redis: w.redis, Peers: peers, Beat: w.beat, Dead: w.dead})
	if _, err := fmt.Sscanf(n.WantLine("ready "), "ready %s %s", &n.addr, &n.at); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// state asks a node for what it has.
func (n *processNode) state() (s nodeState) {
	n.t.Helper()
	n.Send("state")
	if err := json.Unmarshal([]byte(strings.TrimPrefix(n.WantLine("state "), "state ")), &s); err != nil {
		n.t.Fatal(err)
	}
	return s
}

// until waits until what some nodes report is right.
func (w *town) until(what string, d time.Duration, right func(s nodeState) bool, nodes ...*processNode) {
	w.t.Helper()
	for _, n := range nodes {
		var last nodeState
		if !testkit.WithinEvery(10*time.Millisecond, d, func() bool { last = n.state(); return right(last) }) {
			w.t.Fatalf("%s: not at node %s within %v, which has %+v", what, n.name, d, last)
		}
	}
}

// meet waits until all nodes know each other.
func (w *town) meet() {
	w.t.Helper()
	w.until("the nodes know each other", testkit.Patience, func(s nodeState) bool { return s.Nodes == len(w.nodes) }, w.nodes...)
}

// presentOf waits until some nodes have exactly the clients of some nodes as present, and returns how long that was.
func (w *town) presentOf(d time.Duration, of []*processNode, nodes ...*processNode) time.Duration {
	w.t.Helper()
	var want []string
	for _, c := range w.all {
		if slices.Contains(of, c.node) {
			want = append(want, fmt.Sprint(c.key, " ", c.visit))
		}
	}
	slices.Sort(want)
	started := time.Now()
	w.until("presence", d, func(s nodeState) bool { return slices.Equal(s.Present, want) }, nodes...)
	return time.Since(started)
}

// present is presentOf all nodes.
func (w *town) present(d time.Duration, nodes ...*processNode) time.Duration {
	w.t.Helper()
	return w.presentOf(d, w.nodes, nodes...)
}

// hear waits until every client has so many more events of some nodes.
func (w *town) hear(more int, nodes ...*processNode) {
	w.t.Helper()
	goal := map[string]int{}
	for _, n := range nodes {
		for _, c := range w.all {
			goal[n.name] = max(goal[n.name], c.heard(n.name).last+more)
		}
	}
	for name, number := range goal {
		for _, c := range w.all {
			c.until(w.t, fmt.Sprintf("event %d of node %s", number, name), func() bool { return c.of[name].last >= number })
		}
	}
}

// quiet ends the events, and waits until every client has the last of each node.
func (w *town) quiet() map[string]int {
	w.t.Helper()
	emitted := map[string]int{}
	for _, n := range w.nodes {
		n.Send("quiet")
		var last, failed int
		if _, err := fmt.Sscanf(n.WantLine("emitted "), "emitted %d %d", &last, &failed); err != nil || failed > 0 {
			w.t.Fatalf("node %s: %d errors of Emit, %v", n.name, failed, err)
		}
		emitted[n.name] = last
	}
	for name, last := range emitted {
		for _, c := range w.all {
			c.until(w.t, fmt.Sprintf("the last event %d of node %s", last, name), func() bool { return c.of[name].last == last })
		}
	}
	return emitted
}

// leave has all clients leave, and checks what is left at the nodes that were there before.
func (w *town) leave() {
	w.t.Helper()
	for i, c := range w.all {
		if i%2 == 0 {
			_ = c.peer.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpClose, Payload: rawpeer.ClosePayload(1000, "")}.Bytes())
		} else {
			c.peer.Reset()
		}
	}
	for _, c := range w.all {
		testkit.Receive(w.t, "the end of a client", c.ended)
	}
	w.all = nil
	w.present(testkit.Patience, w.nodes...)
	for _, n := range w.nodes {
		if n.before.Goroutines == 0 {
			continue // has started later
		}
		var last nodeState
		if !testkit.WithinEvery(10*time.Millisecond, testkit.Patience, func() bool {
			last = n.state()
			return last.Goroutines <= n.before.Goroutines+lookingForPeer && last.Files <= n.before.Files
		}) {
			n.Signal(syscall.SIGQUIT) // writes its goroutines
			w.t.Fatalf("node %s is left with %d goroutines and %d files, and had %d and %d before its clients:\n%s", n.name,
				last.Goroutines, last.Files, n.before.Goroutines, n.before.Files, n.Wait().Stderr)
		}
	}
}

// walker is a client: of plain WebSocket or Socket.IO.
type walker struct {
	key   string
	visit int
	node  *processNode
	peer  *rawpeer.Peer
	ended chan error // has the end of the connection

	mu     testkit.Cond
	of     map[string]heard
	echoes int
	wrong  []string
}

// heard is which events of a node a client has.
type heard struct{ first, last, missing int }

// enter connects a client: of plain WebSocket, or every second one of a node of Socket.IO.
func (n *processNode) enter(key string, visit int) *walker {
	n.t.Helper()
	c := &walker{key: key, visit: visit, node: n, ended: make(chan error, 1), of: map[string]heard{}}
	if !c.socketIO() {
		c.peer = rawpeer.Open(n.t, n.addr, "/ws")
		c.peer.Send(fmt.Sprintf(`{"event":"enter","data":{"Key":%q,"Visit":%d},"id":1}`, key, visit))
	} else {
		s := rawpeer.NewEngine(n.t, n.addr).WebSocket()
		rawpeer.Enter(n.t, s, "/", "")
		s.Send(fmt.Sprintf(`421["enter",{"Key":%q,"Visit":%d}]`, key, visit))
		c.peer = s.Peer
	}
	go c.read()
	c.until(n.t, "the answer of enter", func() bool { return c.echoes == 1 })
	return c
}

func (c *walker) String() string { return fmt.Sprintf("client %s of node %s", c.key, c.node.name) }

func (c *walker) socketIO() bool { n, _ := strconv.Atoi(c.key); return n/3%2 != 0 }

// until waits for something of the client, whose lock it holds meanwhile.
func (c *walker) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	if !c.mu.Wait(testkit.Patience, cond) {
		c.mu.Lock()
		defer c.mu.Unlock()
		t.Fatalf("%s: timed out waiting for %s: it has %+v", c, what, c.of)
	}
}

// echo has the server answer.
func (c *walker) echo(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	next := c.echoes + 1
	c.mu.Unlock()
	if c.socketIO() {
		c.peer.Send(`421["echo",1]`)
	} else {
		c.peer.Send(`{"event":"echo","data":1,"id":1}`)
	}
	c.until(t, "an answer", func() bool { return c.echoes >= next })
}

// read reads until the connection ends.
func (c *walker) read() {
	for {
		text, err := c.peer.TryText()
		if err != nil {
			c.ended <- err
			close(c.ended)
			return
		}
		c.receive(text)
	}
}

func (c *walker) receive(text string) {
	var name string
	var number int
	switch {
	case text == "2":
		_ = c.peer.TrySend("3")
		return
	case strings.HasPrefix(text, "431["), strings.HasPrefix(text, `{"id":1,"data":`):
		c.mu.Update(func() { c.echoes++ })
		return
	case c.socketIO():
		_, _ = fmt.Sscanf(text, `42[%q,%d]`, &name, &number)
	default:
		_, _ = fmt.Sscanf(text, `{"event":%q,"data":%d}`, &name, &number)
	}
	c.mu.Update(func() {
		h, known := c.of[name]
		switch {
		case number == 0:
			c.wrong = append(c.wrong, "unknown: "+text)
		case !known:
			h.first = number
		case number <= h.last:
			c.wrong = append(c.wrong, fmt.Sprintf("%d of %s after %d", number, name, h.last))
		default:
			h.missing += number - h.last - 1
		}
		h.last = number
		c.of[name] = h
	})
}

func (c *walker) heard(name string) heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[name]
}

// check checks that what a client has of each node has no holes; that of nodes in whole starts with the first event.
func (c *walker) check(t *testing.T, whole ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, h := range c.of {
		if h.missing > 0 || slices.Contains(whole, name) && h.first != 1 {
			t.Errorf("%s has of node %s: %+v", c, name, h)
		}
	}
	if len(c.wrong) > 0 {
		t.Errorf("%s received %q", c, c.wrong[:min(len(c.wrong), 5)])
	}
}

// missing returns how many events the client lacks between those that it has, and what it should not have received.
func (c *walker) missing() (n int, wrong []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.of {
		n += h.missing + h.first - 1
	}
	return n, c.wrong
}

// open checks that the client is connected.
func (c *walker) open(t *testing.T) {
	t.Helper()
	select {
	case err := <-c.ended:
		t.Fatalf("%s: %v", c, err)
	default:
		c.echo(t)
	}
}

// onProcesses runs a test with NATS in the nodes and with Redis. The nodes count as dead after a second, or with
// CLUSTER_LONG=1 after the default.
func onProcesses(t *testing.T, test func(t *testing.T, w *town)) {
	t.Helper()
	beat, dead := 200*time.Millisecond, time.Second
	if os.Getenv("CLUSTER_LONG") != "" {
		beat, dead = 2*time.Second, 6*time.Second
	}
	t.Run("nats/embedded", func(t *testing.T) { test(t, newTown(t, "", beat, dead)) })
	t.Run("redis", func(t *testing.T) { test(t, newTown(t, redistest.Start(t).Address, beat, dead)) })
}

// TestFault_F82_KilledProcess: A process of three is killed while all emit: clients of the other two receive every event
// of these, each once and in order, its own clients connect to the others, and what it had as present ends within the
// dead time and a second; a new process is a node again, and nothing is left of all clients when they have left.
func TestFault_F82_KilledProcess(t *testing.T) { onProcesses(t, killed) }

func killed(t *testing.T, w *town) {
	victim := w.nodes[0] // the one that the others have as their peer
	w.nodes = w.nodes[1:]
	victim.Signal(syscall.SIGKILL)
	died := time.Now()
	for i, c := range w.all {
		if c.node != victim {
			continue
		}
		testkit.Receive(t, "the end of a connection", c.ended)
		c.check(t, "a", "b", "c")
		w.all[i] = w.nodes[i/3%2].enter(c.key, 2)
	}
	t.Logf("all clients are connected again after %v", time.Since(died))
	limit := w.dead + time.Second
	if os.Getenv("CLUSTER_LONG") == "" {
		limit += testkit.Patience // a loaded machine
	}
	w.present(limit-time.Since(died), w.nodes...)
	t.Logf("presence is right after %v", time.Since(died))
	w.hear(50, w.nodes...)
	if end := victim.Wait(); end.Signal != syscall.SIGKILL {
		t.Errorf("node %s: %+v", victim.name, end)
	}

	again := w.launch("d")
	w.nodes = append(w.nodes, again)
	w.meet()
	w.all = append(w.all, again.enter("60", 1), again.enter("63", 1))
	again.Send("emit")
	w.present(testkit.Patience, w.nodes...)
	w.hear(50, w.nodes...)
	emitted := w.quiet()
	for _, c := range w.all {
		c.open(t)
		if c.node != again && c.visit == 1 {
			c.check(t, "a", "b", "c", "d")
		} else {
			c.check(t, "d")
		}
	}
	t.Logf("emitted: %v", emitted)
	w.leave()
}

// TestFault_F84_StoppedProcess: A process of three is stopped (SIGSTOP) until it counts as dead, and goes on: it is a
// node again without a restart, its clients are connected and present as before, and events that any lacks are counted.
func TestFault_F84_StoppedProcess(t *testing.T) { onProcesses(t, stopped) }

func stopped(t *testing.T, w *town) {
	still, others := w.nodes[2], w.nodes[:2]
	still.Signal(syscall.SIGSTOP)
	since := time.Now()
	w.presentOf(testkit.Patience, others, others...)
	t.Logf("without the stopped node after %v", time.Since(since))
	testkit.WithinEvery(w.dead/2, w.dead/2, func() bool { return false })
	still.Signal(syscall.SIGCONT)
	started := time.Now()
	w.meet()
	w.present(testkit.Patience, w.nodes...)
	t.Logf("one again after %v", time.Since(started))
	w.hear(50, w.nodes...)
	emitted := w.quiet()
	gaps := map[*processNode]uint64{}
	for _, n := range w.nodes {
		state := n.state()
		gaps[n] = state.Gaps
		if state.Duplicates > 0 {
			t.Errorf("%d events that have arrived were dropped as if they had arrived before", state.Duplicates)
		}
	}
	for _, c := range w.all {
		c.open(t)
		missing, wrong := c.missing()
		if missing != int(gaps[c.node]) || len(wrong) > 0 {
			t.Errorf("%s: %d events are missing and %d are counted; wrong: %q", c, missing, gaps[c.node], wrong)
		}
	}
	t.Logf("emitted: %v; missing, at each node: %v", emitted, slices.Collect(maps.Values(gaps)))
	w.leave()
}
