package churn_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const workers = 100 // concurrent clients

// kind is a way to connect and disconnect.
type kind struct {
	name string
	// run is the life of one client. later waits for its end, if needed, and does not use c.
	run func(p *testApp, c *caller, i int) (later func() error, err error)
	// enters is the number of HandleConnection calls of each client.
	enters  int
	gateway func() *countingGateway
	opts    []websockets.Option
	// adapter is Socket.IO's by default.
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
	l := &countingGateway{}
	if k.gateway != nil {
		l = k.gateway()
	}
	adapter := k.adapter
	if adapter == nil {
		adapter = socketio.New()
	}
	p := serve(t, l, adapter, k.opts...)
	none := runtime.NumGoroutine()
	// Warm up: pools, tables and the runtime reach their full size. Go's maps never shrink.
	warm := max(n/10, 2*waiting)
	runClients(t, k, p, warm)
	waitClean(t, k, p, warm, figures{goroutines: none, fds: openFiles()}, 0)
	if t.Failed() {
		return
	}
	before := measure()
	started := time.Now()
	runClients(t, k, p, n)
	took := time.Since(started)
	if t.Failed() {
		return
	}
	after := waitClean(t, k, p, warm+n, before, n)
	t.Logf("%-34s %6d clients %7v + %6v | goroutines %d -> %d | fds %d -> %d | %6.1f B, %5.2f objects each",
		k.name, n, took.Round(time.Millisecond), (time.Since(started) - took).Round(time.Millisecond),
		before.goroutines, after.goroutines, before.fds, after.fds,
		float64(after.heap-before.heap)/float64(n), float64(after.objects-before.objects)/float64(n))
}

// runClients connects and disconnects n clients.
func runClients(t *testing.T, k kind, p *testApp, n int) {
	t.Helper()
	var all sync.WaitGroup
	var next, failed atomic.Int64
	fail := func(err error) {
		if err != nil && failed.Add(1) <= 5 {
			t.Error(err)
		}
	}
	slots := make(chan struct{}, waiting)
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
				slots <- struct{}{}
				all.Go(func() {
					fail(later())
					<-slots
				})
			}
		})
	}
	all.Wait()
}

// waitClean waits until the server has released everything of total clients, and nearly all
// memory of the last n. With n = 0 it ignores memory.
func waitClean(t *testing.T, k kind, p *testApp, total int, before figures, n int) figures {
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
			{"HandleConnection missing", want - p.gateway.connects.Load(), 0},
			{"HandleConnection", p.gateway.connects.Load(), want},
			{"HandleDisconnect missing", want - p.gateway.disconnects.Load(), 0},
			{"HandleDisconnect", p.gateway.disconnects.Load(), want},
			{"HandleDisconnect of no client", p.gateway.doubles.Load(), 0},
			{"other causes of disconnects", p.gateway.otherCauses.Load(), 0},
			{"Engine.IO sessions", int64(p.spy.sessions()), 0},
			{"connections and sweepers", int64(p.spy.live()), 0},
			{"records of recovery", int64(p.spy.recoverable()), 0},
			{"Server.Count", int64(p.gateway.Server.Local().Len()), 0},
			{"clients in a room", int64(p.gateway.Server.To("all").Local().Len()), 0},
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
		now = measure()
		if most := max(int64(n)*heapEach, heapLeast); now.heap-before.heap > most {
			wrong = append(wrong, fmt.Sprintf("heap: %d bytes more, want at most %d", now.heap-before.heap, most))
		}
		if most := max(int64(n)/objectsEach, objectsLeast); now.objects-before.objects > most {
			wrong = append(wrong, fmt.Sprintf("heap: %d objects more, want at most %d", now.objects-before.objects, most))
		}
		return len(wrong) == 0
	}
	if !testkit.WithinEvery(10*time.Millisecond, testkit.Patience, check) {
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
