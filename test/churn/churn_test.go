package churn_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const workers = 100 // clients that come at a time

// kind is a way to come and leave.
type kind struct {
	name string
	// run is one client's life. What it still has to wait for is later, which
	// does not use c.
	run func(p *place, c *caller, i int) (later func() error, err error)
	// enters is how often HandleConnection runs for each client.
	enters int
	lobby  func() *lobby
	opts   []websockets.Option
	// adapter is Socket.IO's unless it is given.
	adapter adapter.Adapter
}

func TestChurn(t *testing.T) {
	n := clients(t)
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) { churn(t, k, n) })
	}
}

func churn(t *testing.T, k kind, n int) {
	t.Helper()
	l := &lobby{}
	if k.lobby != nil {
		l = k.lobby()
	}
	adapter := k.adapter
	if adapter == nil {
		adapter = socketio.New()
	}
	p := serve(t, l, adapter, k.opts...)
	none := runtime.NumGoroutine()
	// First some to make pools, tables and the runtime as large as they get:
	// tables of Go never shrink.
	warm := max(n/10, 2*waiting)
	live(t, k, p, warm)
	rest(t, k, p, warm, figures{goroutines: none, fds: openFiles()}, 0)
	if t.Failed() {
		return
	}
	before := take()
	began := time.Now()
	live(t, k, p, n)
	took := time.Since(began)
	if t.Failed() {
		return
	}
	after := rest(t, k, p, warm+n, before, n)
	t.Logf("%-34s %6d clients %7v + %6v | goroutines %d -> %d | fds %d -> %d | %6.1f B, %5.2f objects each",
		k.name, n, took.Round(time.Millisecond), (time.Since(began) - took).Round(time.Millisecond),
		before.goroutines, after.goroutines, before.fds, after.fds,
		float64(after.heap-before.heap)/float64(n), float64(after.objects-before.objects)/float64(n))
}

// live lets n clients come and leave.
func live(t *testing.T, k kind, p *place, n int) {
	t.Helper()
	var all sync.WaitGroup
	var next, failed atomic.Int64
	fail := func(err error) {
		if err != nil && failed.Add(1) <= 5 {
			t.Error(err)
		}
	}
	places := make(chan struct{}, waiting)
	for range workers {
		all.Go(func() {
			c := &caller{addr: p.addr}
			defer c.close()
			for i := next.Add(1); i <= int64(n) && failed.Load() == 0; i = next.Add(1) {
				later, err := k.run(p, c, int(i))
				fail(err)
				if later == nil || err != nil {
					continue
				}
				places <- struct{}{}
				all.Go(func() {
					fail(later())
					<-places
				})
			}
		})
	}
	all.Wait()
}

// rest waits until the server has nothing left of total clients, and of the
// last n hardly any memory. Without n memory does not count.
func rest(t *testing.T, k kind, p *place, total int, before figures, n int) figures {
	t.Helper()
	want := int64(total * k.enters)
	var now figures
	var wrong []string
	check := func() bool {
		now = figures{goroutines: runtime.NumGoroutine(), fds: openFiles()}
		wrong = nil
		for _, c := range []struct {
			what      string
			got, most int64
		}{
			{"HandleConnection missing", want - p.lobby.connects.Load(), 0},
			{"HandleConnection", p.lobby.connects.Load(), want},
			{"HandleDisconnect missing", want - p.lobby.disconnects.Load(), 0},
			{"HandleDisconnect", p.lobby.disconnects.Load(), want},
			{"Engine.IO sessions", int64(p.spy.sessions()), 0},
			{"connections and sweepers", int64(p.spy.live()), 0},
			{"records of recovery", int64(p.spy.absent()), 0},
			{"Server.Count", int64(p.lobby.Server.Local().Len()), 0},
			{"clients in a room", int64(p.lobby.Server.To("all").Local().Len()), 0},
			{"goroutines", int64(now.goroutines), int64(before.goroutines)},
			{"file descriptors", int64(now.fds), int64(before.fds)},
		} {
			if c.got > c.most {
				wrong = append(wrong, fmt.Sprintf("%s: %d, want at most %d", c.what, c.got, c.most))
			}
		}
		if len(wrong) > 0 || n == 0 {
			return len(wrong) == 0
		}
		now = take()
		if most := max(int64(n)*heapEach, heapLeast); now.heap-before.heap > most {
			wrong = append(wrong, fmt.Sprintf("heap: %d bytes more, want at most %d", now.heap-before.heap, most))
		}
		if most := max(int64(n)/objectsEach, objectsLeast); now.objects-before.objects > most {
			wrong = append(wrong, fmt.Sprintf("heap: %d objects more, want at most %d", now.objects-before.objects, most))
		}
		return len(wrong) == 0
	}
	if !within(patience, check) {
		for _, w := range wrong {
			t.Error(w)
		}
		if now.goroutines > before.goroutines {
			stacks := make([]byte, 1<<20)
			t.Logf("goroutines:\n%.8000s", stacks[:runtime.Stack(stacks, true)])
		}
	}
	return now
}
