package embedded_test

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// behindProxy starts an application that others reach through a proxy only.
func behindProxy(t testing.TB, peers ...string) (*application, *proxy) {
	t.Helper()
	at := testkit.FreeAddress(t)
	p := newProxy(t, at)
	return startApp(t, newEngine(embedded.Listen(at), embedded.Advertise(p.at), embedded.Peers(peers...)), backplane.Beats(500*time.Millisecond, 1500*time.Millisecond)), p
}

// flow is events that an application emits all the time, and how many a client of it and one of
// another have received.
type flow struct {
	name               string
	sent, own, reached atomic.Int64
}

// run emits until ctx ends.
func (f *flow) run(ctx context.Context, t testing.TB, n *application) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := n.server.Emit(t.Context(), f.name, f.sent.Load()+1); err != nil {
			t.Errorf("%s: %v", f.name, err)
			return
		}
		f.sent.Add(1)
		<-tick.C
	}
}

// Two nodes that do not reach each other serve their own clients. Afterwards each has counted as gaps
// exactly the events that it has missed, and nothing has to be restarted. PARTITION is how long
// the longest partition is.
func TestPartition(t *testing.T) {
	cuts := []time.Duration{100 * time.Millisecond, 1700 * time.Millisecond, 4 * time.Second}
	if text := os.Getenv("PARTITION"); text != "" {
		longest, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		for d := 100 * time.Millisecond; d <= longest; d = d * 3 / 2 {
			cuts = append(cuts, d)
		}
		rand.Shuffle(len(cuts), func(i, j int) { cuts[i], cuts[j] = cuts[j], cuts[i] })
	}
	a, pa := behindProxy(t)
	b, pb := behindProxy(t, pa.at)
	know(t, a, b)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	flows := map[*application]*flow{a: {name: "of a"}, b: {name: "of b"}}
	for n, f := range flows {
		other := a
		if n == a {
			other = b
		}
		for to, count := range map[*application]*atomic.Int64{n: &f.own, other: &f.reached} {
			c := to.DialWS("/ws")
			c.Call("join", []string{}) // it has entered
			all.Go(func() { receive(c, f.name, count) })
		}
	}
	for n, f := range flows {
		all.Go(func() { f.run(ctx, t, n) })
	}
	for _, cut := range cuts {
		var before [2]int64
		for i, n := range []*application{a, b} {
			before[i] = flows[n].own.Load()
		}
		pa.cut()
		pb.cut()
		<-time.After(cut)
		for i, n := range []*application{a, b} {
			f := flows[n]
			testkit.Eventually(t, "a node serves its own clients", func() bool { return f.own.Load() > before[i] })
		}
		pa.up()
		pb.up()
		up := time.Now()
		for _, f := range flows {
			sent := f.sent.Load()
			reached := f.reached.Load()
			testkit.Eventually(t, "the nodes reach each other", func() bool { return f.reached.Load() > reached+100 && f.sent.Load() > sent })
		}
		know(t, a, b)
		t.Logf("cut for %v: one again after %v", cut, time.Since(up))
	}
	cancel()
	for n, f := range flows {
		if !testkit.Within(patience, func() bool { return f.own.Load() == f.sent.Load() }) {
			t.Errorf("%s: %d sent, its own client has received %d", f.name, f.sent.Load(), f.own.Load())
		}
		other := a
		if n == a {
			other = b
		}
		missed := func() int64 { return f.sent.Load() - f.reached.Load() }
		gaps := func() int64 { return int64(other.App.App().Stats().Backplane.Gaps) }
		if !testkit.Within(patience, func() bool { return gaps() == missed() }) {
			t.Errorf("%s: %d sent, %d received, %d gaps counted", f.name, f.sent.Load(), f.reached.Load(), gaps())
		}
		t.Logf("%s: %d sent, %d received by the other node, %d counted as gaps", f.name, f.sent.Load(), f.reached.Load(), gaps())
		if missed() == 0 {
			t.Errorf("%s: nothing was missed: was there a partition?", f.name)
		}
		if s := other.App.App().Stats().Backplane; !s.Up || s.Duplicates > 0 || s.Dropped > 0 || s.Reconnects == 0 {
			t.Errorf("statistics: %+v", s)
		}
	}
	for _, n := range []*application{a, b} {
		if err := n.server.Emit(t.Context(), "end", nil); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
}

// receive counts events until both nodes have sent their end.
func receive(c *apptest.Client, name string, count *atomic.Int64) {
	for ends := 0; ends < 2; {
		m := c.Next()
		switch m.Event {
		case name:
			count.Add(1)
		case "end":
			ends++
		}
	}
}
