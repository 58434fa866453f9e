package cluster

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// three starts three nodes that know each other.
func three(t *testing.T) (nodes [3]*testNode, engines [3]*memory.Backplane) {
	t.Helper()
	bus := memory.NewBus()
	nodes[0], nodes[1], engines[0], engines[1] = pair(t, bus)
	engines[2] = bus.Node()
	nodes[2] = start(t, 3, engines[2])
	synctest.Wait()
	return nodes, engines
}

// What waits when all nodes were cut off is sent when those are back that were there before, so that none misses it.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, e := three(t)
		for _, x := range e {
			x.Cut()
		}
		pass(10 * time.Second) // all are dead to each other
		for _, x := range n {
			x.mustEmit("of " + x.Self().Name)
		}
		e[0].Restore()
		pass(time.Second)
		e[1].Restore()
		pass(500 * time.Millisecond)
		n[0].want()
		n[1].want()
		e[2].Restore()
		synctest.Wait()
		for _, x := range n {
			var want []string
			for _, y := range n {
				if x != y {
					want = append(want, "of "+y.Self().Name)
				}
			}
			got := x.take() // there is no order between nodes
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s has received %q, want %q", x.Self().Name, got, want)
			}
		}
		for _, x := range n {
			x.mustEmit("more")
			synctest.Wait()
			if s := x.Stats(); s.Gaps+s.Dropped > 0 || s.Queued > 0 {
				t.Errorf("%s: %+v", x.Self().Name, s)
			}
		}
	})
}

// A node that was cut off alone sends as soon as it is back.
func TestResumeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, e := three(t)
		e[0].Cut()
		pass(time.Second)
		n[0].mustEmit("waits")
		e[0].Restore()
		synctest.Wait()
		n[1].want("waits")
		n[2].want("waits")
	})
}

// A node that is not back is waited for, at most two seconds; a stop waits for none.
func TestResumeWithoutANode(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(n [3]*testNode, e [3]*memory.Backplane)
		after time.Duration
	}{
		"is gone":   {func([3]*testNode, [3]*memory.Backplane) {}, resumeWait},
		"is back":   {func(_ [3]*testNode, e [3]*memory.Backplane) { e[2].Restore() }, 0},
		"own stop":  {func(n [3]*testNode, _ [3]*memory.Backplane) { n[0].stop(n[0].t) }, 0},
		"cut again": {func(_ [3]*testNode, e [3]*memory.Backplane) { e[0].Cut(); e[0].Restore() }, resumeWait},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, e := three(t)
				for _, x := range e {
					x.Cut()
				}
				synctest.Wait()
				n[0].mustEmit("waits")
				e[1].Restore()
				e[0].Restore()
				synctest.Wait()
				n[1].want()
				c.leave(n, e)
				if c.after > 0 {
					pass(c.after - time.Millisecond)
					n[1].want()
					pass(time.Millisecond)
				}
				n[1].want("waits")
			})
		})
	}
}

// Questions wait too, and their time goes on.
func TestResumeQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, e := three(t)
		for _, x := range e {
			x.Cut()
		}
		synctest.Wait()
		e[0].Restore()
		e[1].Restore()
		synctest.Wait()
		q := n[0].Ask(&backplane.Message{Kind: backplane.Fetch, Channel: backplane.ChannelEvents}, time.Second, nil)
		pass(time.Second)
		if lost, incomplete := q.End(); len(lost) > 0 || len(incomplete) != 2 {
			t.Errorf("%v, %v", lost, incomplete)
		}
	})
}
