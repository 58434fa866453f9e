package nodes_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// TestFault_F77_ServiceGone: The service behind the backplane, here one in memory, is down at the start, ends, or does not respond: every
// node serves its own clients at once and reports the state; when the service is back, so are the other nodes'
// events, in order and each once.
func TestFault_F77_ServiceGone(t *testing.T) {
	bus := memory.NewBus()
	serviceGone(t, func() backplane.Backplane { return bus.Node() }, bus.Down, bus.Up)
}

// TestFault_F77_RedisGone: Redis is down at the start, is killed and starts again without data, three times: as above.
func TestFault_F77_RedisGone(t *testing.T) {
	server := redistest.Start(t)
	serviceGone(t, func() backplane.Backplane { return redis.Native(redis.Address(server.Address)) }, server.Kill, server.Restart)
}

func serviceGone(t *testing.T, engine func() backplane.Backplane, down, restore func()) {
	t.Helper()
	down()
	var all []*app.App
	var clients [2][]*apptest.Client
	for i := range clients {
		a := apptest.New(t, program(), apptest.With(app.Backplane(engine(), backplane.Beats(50*time.Millisecond, 2*time.Second))))
		all = append(all, a.App())
		clients[i] = []*apptest.Client{a.DialSocketIO("/"), a.DialWS("/ws")}
		for _, c := range clients[i] {
			c.Call("enter")
		}
		if i == 0 {
			if s := a.App().Stats().Backplane; s.Up || s.Reason == "" {
				t.Errorf("down at the start: %+v", s)
			}
			clients[0][1].Call("say", 1)
			for _, c := range clients[0] {
				said(t, c, 1)
			}
			restore() // the other starts at once then
		}
	}
	n := 1
	say := func(what string, from int) {
		t.Helper()
		prompt(t, what+": a message", func() { n++; clients[from][0].Call("say", n) })
		for _, c := range clients[from] {
			for apptest.Expect[int](c, "said") != n {
			}
		}
	}
	up := func(want bool) {
		t.Helper()
		testkit.Eventually(t, "the link's state", func() bool {
			return all[0].Stats().Backplane.Up == want && all[1].Stats().Backplane.Up == want
		})
		if want {
			testkit.Eventually(t, "the nodes know each other", func() bool { return len(all[0].Nodes()) == 2 && len(all[1].Nodes()) == 2 })
		}
	}
	up(true)
	last := 0
	reached := func() {
		t.Helper()
		for _, c := range clients[1] {
			for last = 0; last != n; {
				if got := apptest.Expect[int](c, "said"); got <= last {
					t.Fatalf("received %d after %d", got, last)
				} else {
					last = got
				}
			}
		}
	}
	for range 3 {
		down()
		up(false)
		say("down", 0)
		restore()
		up(true)
		say("up again", 0)
		reached()
	}
	if s := all[1].Stats().Backplane; s.Reconnects < 3 || s.Duplicates != 0 {
		t.Errorf("%+v", s)
	}
}

// TestFault_F78_ServiceSlow: The service, here one in memory, takes 2 s for each batch, or does not respond at all: no handler waits for
// it, events are sent when it responds, and what does not fit into the queue is an error of Emit that clients of the
// own node do not notice.
func TestFault_F78_ServiceSlow(t *testing.T) {
	c := cluster(t, 2, apptest.Backplane(backplane.Beats(50*time.Millisecond, time.Minute), backplane.Queue(1<<20, 100)))
	own, other := dial(c, 0), dial(c, 1)
	c.Engine(0).Freeze()
	refused := 0
	prompt(t, "500 messages", func() {
		for range 500 { // more than a batch and the queue
			if server(c, 0).To("none").Emit(t.Context(), "said", 0) != nil {
				refused++
			}
		}
	})
	own[0].Emit("say", 1) // fails: the queue is full
	for _, x := range own {
		said(t, x, 1)
	}
	s := stats(c, 0)
	if refused == 0 || s.Queued > 101 || s.Dropped == 0 || s.Reason == "" {
		t.Errorf("%d refused, %+v", refused, s)
	}
	c.Engine(0).Thaw()
	testkit.Eventually(t, "the queue is sent", func() bool { return stats(c, 0).Queued == 0 })
	own[0].Call("say", 2)
	for _, x := range append(own, other...) {
		said(t, x, 2)
	}
	testkit.Eventually(t, "the gap is counted", func() bool { return stats(c, 1).Gaps > 0 })
}

// TestFault_F78_RedisFrozen: Redis stops in the middle (SIGSTOP): no handler waits for it, what does not fit into the queue is an
// error of Emit, clients of the own node are served, and when Redis goes on so are the others, in order.
func TestFault_F78_RedisFrozen(t *testing.T) {
	server := redistest.Start(t)
	var all []*apptest.App
	var clients []*apptest.Client
	for i := range 2 {
		all = append(all, apptest.New(t, program(), apptest.With(app.Backplane(redis.Native(redis.Address(server.Address)),
			backplane.Beats(50*time.Millisecond, time.Minute), backplane.Queue(1<<20, 100)))))
		clients = append(clients, all[i].DialWS("/ws"))
		clients[i].Call("enter")
	}
	for _, a := range all {
		testkit.Eventually(t, "the nodes know each other", func() bool { return len(a.App().Nodes()) == 2 })
	}
	s := apptest.Get[*gateway](all[0]).Server
	server.Freeze()
	refused := 0
	prompt(t, "1,000 messages", func() {
		for range 1000 { // more than batches on their way and the queue
			if s.To("none").Emit(t.Context(), "said", 0) != nil {
				refused++
			}
		}
	})
	clients[0].Emit("say", 1)
	said(t, clients[0], 1)
	if b := all[0].App().Stats().Backplane; refused == 0 || b.Queued > 101 || b.Dropped == 0 {
		t.Errorf("%d refused, %+v", refused, b)
	}
	server.Thaw()
	// An answer of the other shows that neither has a connection that is about to be lost.
	testkit.Eventually(t, "each reaches the other", func() bool {
		n, err := s.Count(t.Context())
		return n == len(clients) && err == nil
	})
	clients[0].Call("say", 2)
	for _, c := range clients {
		said(t, c, 2)
	}
}

// TestFault_F79_LossOnTheWay: Between nodes 2 % of the messages are lost, 5 % arrive twice and the rest in another
// order: clients receive each event once at most and in order, and every event that is missing is counted.
func TestFault_F79_LossOnTheWay(t *testing.T) {
	c := cluster(t, 2, apptest.OnBus(memory.NewBus(memory.Seed(79))), apptest.Backplane(backplane.Beats(50*time.Millisecond, time.Minute)))
	other := dial(c, 1)
	c.Engine(0).SetFaults(memory.Faults{Drop: 0.02, Repeat: 0.05, Reorder: 20, Jitter: 20 * time.Millisecond}, c.Engine(1))
	const events = 1000
	for n := range events {
		if err := server(c, 0).To("all").Emit(t.Context(), "said", n+1); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the event is sent", func() bool { return stats(c, 0).Queued == 0 }) // each is a frame of its own
	}
	c.Engine(0).SetFaults(memory.Faults{}, c.Engine(1))
	// The last one arrives after all others.
	if err := server(c, 0).To("all").Emit(t.Context(), "said", events+1); err != nil {
		t.Fatal(err)
	}
	for _, x := range other {
		got := said(t, x, events+1)
		if got == events+1 {
			t.Error("nothing was lost")
		}
		testkit.Eventually(t, "what is missing is counted", func() bool { return stats(c, 1).Gaps == uint64(events+1-got) })
	}
	if s := stats(c, 1); s.Duplicates == 0 {
		t.Errorf("%+v", s)
	}
}

// TestFault_F86_SlowNode: A node reads what others send more slowly than they send it, so that the service throws it
// away: the node counts what is missing, and receives what is sent later.
func TestFault_F86_SlowNode(t *testing.T) {
	c := cluster(t, 2, apptest.OnBus(memory.NewBus(memory.QueueSize(64<<10))), apptest.Backplane(backplane.Beats(50*time.Millisecond, time.Minute)))
	own, other := dial(c, 0), dial(c, 1)
	c.Engine(0).SetFaults(memory.Faults{Delay: time.Second}, c.Engine(1)) // they wait in the service
	text := make([]byte, 1000)
	testkit.Eventually(t, "messages are lost", func() bool { // faster than the node reads
		for range 10 {
			if err := server(c, 0).To("none").Emit(t.Context(), "said", text); err != nil {
				t.Fatal(err)
			}
		}
		return c.Bus().Lost() > 100
	})
	c.Engine(0).SetFaults(memory.Faults{}, c.Engine(1))
	testkit.Eventually(t, "the gap is counted", func() bool { return stats(c, 1).Gaps > 100 })
	own[0].Call("say", 1)
	for _, x := range append(own, other...) {
		said(t, x, 1)
	}
}
