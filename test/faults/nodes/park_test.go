package nodes_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// travelling starts nodes whose clients may be recovered.
func travelling(t *testing.T, nodes int, r socketio.Recovery) *apptest.Cluster {
	t.Helper()
	c := apptest.NewCluster(t, nodes, module.New("program", module.Exports(
		websockets.Gateway(newGateway, websockets.Via(socketio.New(socketio.Options{Recovery: &r}))))),
		apptest.With(app.TrustedProxies("192.0.2.0/24")), // so that the addresses count
		apptest.Backplane(backplane.Beats(200*time.Millisecond, time.Minute)))
	c.Await()
	return c
}

// guests connects clients to a node, which have received 1 to 3.
func guests(t *testing.T, c *apptest.Cluster, node, n int) (all []*apptest.Client) {
	t.Helper()
	for range n {
		x := c.Node(node).DialSocketIO("/")
		x.Call("enter")
		all = append(all, x)
	}
	say(t, c, node, 1, 3)
	for _, x := range all {
		said(t, x, 3)
	}
	return all
}

func say(t *testing.T, c *apptest.Cluster, node, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := server(c, node).To("all").Emit(t.Context(), "said", n); err != nil {
			t.Fatal(err)
		}
	}
}

// revisit has clients connect to a node, which says from to last before and last+1 afterwards. It returns how many are the same clients; those have all of it.
func revisit(t *testing.T, c *apptest.Cluster, node int, all []*apptest.Client, from, last int) (same int) {
	t.Helper()
	for i, old := range all {
		x := c.Node(node).DialSocketIO("/", apptest.WithRecovery(old))
		if x.ID() != old.ID() {
			continue
		}
		same++
		for n := from; n <= last; n++ {
			if got := apptest.Expect[int](x, "said"); got != n {
				t.Fatalf("client %d received %d, want %d", i, got, n)
			}
		}
		x.Close()
	}
	return same
}

func suspended(c *apptest.Cluster, node int) (n int) {
	for _, e := range c.Node(node).App().Stats().Endpoints {
		n += e.Suspended
	}
	return n
}

// stopAway stops a node that may be killed meanwhile.
func stopAway(t *testing.T, c *apptest.Cluster, node int) (stopped <-chan struct{}) {
	t.Helper()
	done := make(chan struct{})
	a := c.Node(node).App()
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		_ = a.Stop(ctx)
	}()
	return done
}

// TestFault_F90_KilledWhileParking: A node is killed while it stops and parks its clients at others: those that reconnect are the same with every event,
// or new ones; none hangs, and the other nodes go on.
func TestFault_F90_KilledWhileParking(t *testing.T) {
	c := travelling(t, 3, socketio.Recovery{})
	all := guests(t, c, 0, 12)
	for _, to := range []int{1, 2} {
		c.Engine(0).SetFaults(memory.Faults{Delay: 20 * time.Millisecond, Jitter: 100 * time.Millisecond}, c.Engine(to))
	}
	stopped := stopAway(t, c, 0)
	testkit.Eventually(t, "some are parked, or on their way", func() bool { return suspended(c, 1)+suspended(c, 2) > 2 })
	c.Engine(0).Kill()
	testkit.Receive(t, "the end of the stop", stopped)
	say(t, c, 2, 10, 12)
	t.Logf("%d of %d are the same", revisit(t, c, 1, all, 10, 12), len(all))
	guests(t, c, 1, 1)
}

// TestFault_F90_KeeperKilled: A node is killed that keeps clients of one that has stopped: they are new ones, those that others keep are the same with
// every event, and nothing hangs.
func TestFault_F90_KeeperKilled(t *testing.T) {
	c := travelling(t, 3, socketio.Recovery{})
	all := guests(t, c, 0, 16)
	c.Stop(0)
	kept := suspended(c, 2)
	if lost := suspended(c, 1); kept+lost != len(all) {
		t.Fatalf("%d and %d of %d are parked", lost, kept, len(all))
	}
	c.Kill(1)
	say(t, c, 2, 10, 12)
	if same := revisit(t, c, 2, all, 10, 12); same != kept {
		t.Errorf("%d are the same, want the %d of the node that lives", same, kept)
	}
}

// TestFault_F90_KeepersStopToo: All nodes but one stop at the same time, so that most keepers refuse, or stop while they keep: all clients are the same
// at the last one, with every event.
func TestFault_F90_KeepersStopToo(t *testing.T) {
	c := travelling(t, 4, socketio.Recovery{})
	all := guests(t, c, 0, 16)
	var stopped []<-chan struct{}
	for node := range 3 {
		stopped = append(stopped, stopAway(t, c, node))
	}
	for _, s := range stopped {
		testkit.Receive(t, "the end of a stop", s)
	}
	say(t, c, 3, 10, 12)
	if same := revisit(t, c, 3, all, 10, 12); same != len(all) {
		t.Errorf("%d of %d are the same", same, len(all))
	}
}

// TestFault_F90_KeeperLimits: More clients are parked than a node keeps: it keeps as many as its limits allow, of clients, of clients of one address, and of
// bytes; the others are new ones.
func TestFault_F90_KeeperLimits(t *testing.T) {
	const clients = 10
	for name, limit := range map[string]struct {
		recovery    socketio.Recovery
		least, most int
	}{
		"clients":     {socketio.Recovery{MaxClients: 4}, 4, 4},
		"per address": {socketio.Recovery{MaxClientsPerAddress: 3}, 3, 3},
		"bytes":       {socketio.Recovery{MaxTotalBytes: 8 << 10}, 0, clients - 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := travelling(t, 2, limit.recovery)
			all := guests(t, c, 0, clients)
			c.Stop(0)
			if n := suspended(c, 1); n < limit.least || n > limit.most {
				t.Errorf("%d clients are kept, want %d to %d", n, limit.least, limit.most)
			}
			say(t, c, 1, 10, 11)
			if same := revisit(t, c, 1, all, 10, 11); same < limit.least || same > limit.most {
				t.Errorf("%d clients are the same, want %d to %d", same, limit.least, limit.most)
			}
		})
	}
}

// liar is a node that is none of the application's.
type liar struct {
	engine *memory.Backplane
	self   backplane.Node
	frames chan []byte
	seq    map[string]uint64

	waiting []*backplane.Message // of frames
}

const liarID = "1111111111111111"

func newLiar(t *testing.T, bus *memory.Bus) *liar {
	t.Helper()
	l := &liar{engine: bus.Node(), self: backplane.Node{ID: liarID, Name: "liar", Started: time.Now()}, frames: make(chan []byte, 20_000), seq: map[string]uint64{}}
	if err := l.engine.Start(t.Context(), l.self, l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.engine.Stop(context.WithoutCancel(t.Context())) })
	if err := l.engine.Interest(t.Context(), []string{backplane.ChannelEvents, backplane.ChannelNode(liarID)}, nil); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *liar) ReceiveFrame(_ string, frame []byte) bool {
	l.frames <- frame
	return true
}

func (*liar) Receive([]*backplane.Message) int { return 0 }
func (*liar) NoNode(*backplane.Message)        {}
func (*liar) Link(bool, bool, error)           {}

// send sends a message to a node.
func (l *liar) send(t *testing.T, to string, m *backplane.Message) {
	t.Helper()
	m.Origin, m.To, m.Channel = liarID, to, backplane.ChannelNode(to)
	l.seq[m.Channel]++
	m.Seq = l.seq[m.Channel]
	if err := l.engine.Send(t.Context(), []*backplane.Message{m}); err != nil {
		t.Fatal(err)
	}
}

// next returns the next message that is right.
func (l *liar) next(t *testing.T, right func(m *backplane.Message) bool) *backplane.Message {
	t.Helper()
	for {
		for len(l.waiting) == 0 {
			l.waiting = messagesOf(t, testkit.Receive(t, "a message", l.frames))
		}
		m := l.waiting[0]
		if l.waiting = l.waiting[1:]; right(m) {
			return m
		}
	}
}

// messagesOf returns what a test needs of the messages of a frame.
func messagesOf(t *testing.T, frame []byte) (all []*backplane.Message) {
	t.Helper()
	var r envelope.Reader
	if err := r.Open(frame, envelope.Limits{}); err != nil {
		t.Fatal(err)
	}
	for {
		ok, err := r.Next()
		if err == nil && !ok {
			return all
		}
		var m *backplane.Message
		if err == nil {
			m, err = r.Head()
		}
		if err == nil {
			m, err = r.Load()
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &backplane.Message{
			Kind: m.Kind, Origin: strings.Clone(m.Origin), Request: strings.Clone(m.Request), Select: backplane.Selection{Endpoints: slices.Clone(m.Select.Endpoints)},
		})
	}
}

// TestFault_F90_FalseParks: Something on the backplane asks a node to keep thousands of clients and never answers, or answers with clients that are none: what the
// node holds for them is bounded and ends, its own clients stay, and nothing panics.
func TestFault_F90_FalseParks(t *testing.T) {
	c := travelling(t, 1, socketio.Recovery{MaxClients: 50})
	guest := guests(t, c, 0, 1)[0]
	l := newLiar(t, c.Bus())
	say(t, c, 0, 4, 4)
	event := l.next(t, func(m *backplane.Message) bool { return m.Kind == backplane.Event })
	to := event.Origin
	park := func(request, key string) {
		l.send(t, to, &backplane.Message{
			Kind: backplane.Park, Request: request, Body: fmt.Appendf(nil, `{"key":%q}`, key),
			Select: backplane.Selection{Endpoints: event.Select.Endpoints, Namespace: "/"},
		})
	}
	const asked = 5000
	for i := range asked {
		park(fmt.Sprintf("%016x", i+1), fmt.Sprintf("111111%026d", i))
	}
	claimed, over, most := map[string]bool{}, map[string]bool{}, 0
	l.next(t, func(m *backplane.Message) bool {
		switch m.Kind {
		case backplane.Claim:
			claimed[m.Request] = true
			most = max(most, len(claimed))
		case backplane.ClaimDone: // refused, or there was no answer
			delete(claimed, m.Request)
			over[m.Request] = true
		}
		return len(over) == asked && len(claimed) == 0
	})
	if most > 4096 {
		t.Errorf("%d clients are claimed at once", most)
	}
	for i, answer := range []struct {
		first, second string
		count         uint32 // events that are announced
	}{
		{`{"id":"x","rooms":["all"]}`, `{"id":"x"}`, 0}, // not parked
		{`{"id":"x","rooms":["all"]}`, `{"id":"x","rooms":["all"],"parked":{"identities":[""]}}`, 0},
		{`{"id":"x","rooms":["all"]}`, `{"id":"x","rooms":["all"],"parked":{"identities":["d","d"],"positions":["zzzzzzzzzzzzzz","-1"],"left":-5}}`, 0},
		{`{"id":"y","rooms":["all"]}`, `{"id":"y","rooms":["all"],"parked":{"left":9223372036854775807,"address":"nowhere"}}`, 0},
		{`{"id":"z","rooms":["all"]}`, `{"id":"z","rooms":["all"],"parked":{"left":1000}}`, 3}, // events that never come
		{`{"id":"` + guest.ID() + `","rooms":["all"]}`, `{"id":"` + guest.ID() + `","rooms":["all"],"parked":{"left":1000}}`, 0},
	} {
		request := fmt.Sprintf("%016x", 1<<20+i)
		park(request, fmt.Sprintf("111111%026d", 10_000+i))
		for {
			m := l.next(t, func(m *backplane.Message) bool { return m.Request == request })
			if m.Kind == backplane.ClaimDone {
				break // refused, or over
			}
			body := answer.first
			count := uint32(0)
			if m.Kind == backplane.ClaimMore {
				body, count = answer.second, answer.count
			}
			l.send(t, to, &backplane.Message{Kind: backplane.Claimed, Request: request, Body: []byte(body), Count: count})
		}
	}
	if n := suspended(c, 0); n > 50 {
		t.Errorf("%d clients are kept", n)
	}
	say(t, c, 0, 5, 6)
	said(t, guest, 6)
	guests(t, c, 0, 1)
}
