package cluster_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// gaps waits until a node has counted gaps.
func (l *logged) gaps(node int) {
	l.t.Helper()
	testkit.Eventually(l.t, "a gap is counted", func() bool { return l.Node(node).App().Stats().Backplane.Gaps > 0 })
}

// Events that a node has dropped because its queue was full have reached its own clients alone: those of others that were connected or
// absent then are new ones when they reconnect, also at a node that has started later.
func TestLogDropped(t *testing.T) {
	m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Via(socketio.New(socketio.Options{Recovery: &socketio.Recovery{}})))))
	bus := memory.NewBus(memory.Log(time.Minute))
	l := &logged{apptest.NewCluster(t, 3, m, apptest.OnBus(bus), apptest.Backplane(backplane.Queue(1<<20, 4))), t, bus}
	here, stays, gone, long := l.raw(0), l.joined(1, "a"), l.joined(1, "a"), l.joined(1, "a")
	if err := l.server(0).ToID(here.id).Join(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	emitNumbers(t, l.server(0).To("a"), 1, 2)
	if n := here.number(t); n != 1 {
		t.Fatal(n)
	}
	l.cut(1, gone)
	l.cut(1, long)
	l.Engine(0).Freeze()
	full, last := 0, 0
	for ; full < 5; last++ {
		if err := l.server(0).To("a").Emit(t.Context(), "n", 100+last); errors.Is(err, websockets.ErrBackplaneFull) {
			full++
		} else if err != nil {
			t.Fatal(err)
		}
		if n := here.number(t); n != 100+last {
			t.Fatalf("event %d, want %d", n, 100+last)
		}
	}
	l.Engine(0).Thaw()
	l.gaps(1)
	l.Restart(2)
	l.Await()
	isSame(t, l.visit(1, gone), gone, false)
	isSame(t, l.visit(2, long), long, false)
	stays.Call("id")
	stays.Abort()
	isSame(t, l.visit(0, stays), stays, false)
	next := 1000
	testkit.Eventually(t, "events have positions", func() bool {
		emitNumbers(t, l.server(0).ToID(here.id), next, next+1)
		if n := here.number(t); n != next {
			t.Fatalf("event %d, want %d", n, next)
		}
		next++
		return here.offset != "0"
	})
	later := l.joined(1, "a")
	l.Kill(0)
	if err := here.connectWith(l.Node(1).URL(), map[string]any{"pid": here.pid, "offset": here.offset}); err != nil {
		t.Errorf("the client of the node that has dropped events: %v", err)
	}
	later.Abort()
	isSame(t, l.visit(2, later), later, true)
}

// A node whose calls of the log fail, or lose their answers, sends its events again: clients of others have each once, in order, and are the
// same ones.
func TestLogSentAgain(t *testing.T) {
	l := startLogged(t, 2, nil)
	here, there := l.joined(0, "a"), l.joined(1, "a")
	l.Engine(0).SetLogFaults(memory.LogFaults{LoseRequest: 0.2, LoseAnswer: 0.2})
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint("n ", i))
		emitNumbers(t, l.server(0).To("a"), i, i+1)
		if i%10 == 0 {
			receives(t, there, want...)
			want = nil
		}
	}
	receives(t, there, want...)
	l.Engine(0).SetLogFaults(memory.LogFaults{})
	if s := l.Node(1).App().Stats().Backplane; s.Gaps+s.Duplicates > 0 {
		t.Errorf("%d gaps, %d duplicates", s.Gaps, s.Duplicates)
	}
	for i := range 100 {
		receives(t, here, fmt.Sprint("n ", i))
	}
	there.Abort()
	isSame(t, l.visit(1, there), there, true)
}
