package cluster

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// asked is a question of a node to two others, b and c.
type asked struct {
	*Question

	a, b, c   *testNode
	engineA   *memory.Backplane
	engineB   *memory.Backplane
	mu        sync.Mutex
	questions []*backplane.Message // that b and c have received; guarded by mu until both have
	answers   []string             // that a has received
}

// ask starts three nodes and asks a question; b and c do not answer by themselves.
func ask(t *testing.T) *asked {
	t.Helper()
	bus := memory.NewBus()
	x := &asked{}
	x.a, x.b, x.engineA, x.engineB = pair(t, bus)
	x.c = start(t, 3, bus.Node())
	synctest.Wait()
	for _, n := range []*testNode{x.b, x.c} {
		n.mu.Lock()
		n.deliver = func(m *backplane.Message) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.questions = append(x.questions, &backplane.Message{Origin: m.Origin, Request: m.Request, Wait: m.Wait})
		}
		n.mu.Unlock()
	}
	x.Question = x.a.Ask(&backplane.Message{Kind: backplane.Fetch, Channel: backplane.ChannelEvents}, time.Minute, func(from backplane.Node, m *backplane.Message) bool {
		x.answers = append(x.answers, from.Name)
		return m.Count == 0
	})
	return x
}

func (x *asked) answer(t *testing.T, n *testNode, count uint32) {
	t.Helper()
	if err := n.Answer(x.questions[0], &backplane.Message{Kind: backplane.Fetched, Count: count}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func (x *asked) isDone() bool {
	synctest.Wait()
	select {
	case <-x.Done():
		return true
	default:
		return false
	}
}

// A question is over when each of the nodes that it was asked of has answered completely or is gone.
func TestQuestion(t *testing.T) {
	names := func(all []backplane.Node) (names []string) {
		for _, n := range all {
			names = append(names, n.Name)
		}
		return names
	}
	for _, c := range []struct {
		name             string
		then             func(t *testing.T, x *asked)
		done             bool
		lost, incomplete []string
		answers          []string
	}{
		{"all answer", func(t *testing.T, x *asked) { x.answer(t, x.c, 0); x.answer(t, x.b, 0) }, true, nil, nil, []string{"node 3", "node 2"}},
		{"one answers", func(t *testing.T, x *asked) { x.answer(t, x.b, 0) }, false, nil, []string{"node 3"}, []string{"node 2"}},
		{"one answers in part", func(t *testing.T, x *asked) { x.answer(t, x.b, 1); x.answer(t, x.c, 0) }, false, nil, []string{"node 2"}, []string{"node 2", "node 3"}},
		{"an answer too many", func(t *testing.T, x *asked) { x.answer(t, x.b, 0); x.answer(t, x.b, 0) }, false, nil, []string{"node 3"}, []string{"node 2"}},
		{"a node leaves", func(t *testing.T, x *asked) { x.b.stop(t); x.answer(t, x.c, 0) }, true, []string{"node 2"}, nil, []string{"node 3"}},
		{"a node dies", func(t *testing.T, x *asked) {
			x.engineB.SetFaults(memory.Faults{Cut: true}, x.engineA)
			x.answer(t, x.c, 0)
			pass(9 * time.Second)
		}, true, []string{"node 2"}, nil, []string{"node 3"}},
		{"the engine finds no node", func(t *testing.T, x *asked) {
			x.answer(t, x.c, 0)
			inbound{x.a.Cluster}.NoNode(&backplane.Message{To: x.b.id})
		}, true, []string{"node 2"}, nil, []string{"node 3"}},
		{"the connection is lost", func(_ *testing.T, x *asked) { x.engineA.Cut() }, true, []string{"node 2", "node 3"}, nil, nil},
		{"another question is answered", func(t *testing.T, x *asked) {
			x.questions[0].Request = "00000000000000ff"
			x.answer(t, x.b, 0)
		}, false, nil, []string{"node 2", "node 3"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := ask(t)
				synctest.Wait()
				if len(x.questions) != 2 || x.questions[0].Wait != time.Minute || x.isDone() {
					t.Fatalf("%d nodes were asked, done %t", len(x.questions), x.isDone())
				}
				c.then(t, x)
				if got := x.isDone(); got != c.done {
					t.Errorf("done: %t, want %t", got, c.done)
				}
				lost, incomplete := x.End()
				if !slices.Equal(names(lost), c.lost) || !slices.Equal(names(incomplete), c.incomplete) || !slices.Equal(x.answers, c.answers) {
					t.Errorf("lost %q, incomplete %q, answers %q", names(lost), names(incomplete), x.answers)
				}
				x.End() // again is not counted
				want := Questions{Answered: 1}
				if len(incomplete) > 0 {
					want = Questions{Late: 1}
				} else if len(lost) > 0 {
					want = Questions{Lost: 1}
				}
				if s := x.a.Stats(); s.Fetches != want || s.Calls != (Questions{}) || s.Counts != (Questions{}) {
					t.Errorf("fetches %+v, calls %+v, counts %+v, want %+v fetches", s.Fetches, s.Calls, s.Counts, want)
				}
				x.answer(t, x.c, 0) // late
				if len(x.answers) != len(c.answers) || len(x.a.questions.all()) != 0 {
					t.Errorf("after End: answers %q, %d questions", x.answers, len(x.a.questions.all()))
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a := start(t, 1, memory.NewBus().Node())
		synctest.Wait()
		q := a.Ask(&backplane.Message{Kind: backplane.Fetch, Channel: backplane.ChannelEvents}, time.Minute, nil)
		<-q.Done() // alone
		if lost, incomplete := q.End(); len(lost)+len(incomplete) > 0 {
			t.Error(lost, incomplete)
		}
		if s := a.Stats(); s.Fetches != (Questions{}) {
			t.Errorf("%+v without another node", s.Fetches)
		}
	})
}

// A node introduces itself to another before the answers that wait for it; that makes none of
// them late.
func TestHelloBeforeAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := ask(t)
		synctest.Wait()
		x.engineB.Freeze()
		x.b.Announce() // occupies the sender
		synctest.Wait()
		x.answer(t, x.b, 0)
		x.b.out.pushControl(x.b.hello(x.a.id, false))
		x.engineB.Thaw()
		synctest.Wait()
		if !slices.Equal(x.answers, []string{"node 2"}) || x.a.Stats().Duplicates != 0 {
			t.Errorf("answers %q, %d duplicates", x.answers, x.a.Stats().Duplicates)
		}
	})
}
