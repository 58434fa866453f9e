//go:build countlocks

package test_test

// Run by scripts/locks, which adds sync.Counter.

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type lockGateway struct {
	Server *websockets.Server `websockets:"server"`
}

func newLockGateway() *lockGateway { return &lockGateway{} }

func (g *lockGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil })}
}

// lockCalls has the callers of each call of Lock; a counter must not lock itself.
var lockCalls struct {
	on    atomic.Bool
	n     atomic.Int64
	stack [1 << 16][24]uintptr
}

func init() {
	sync.Counter = func() {
		if !lockCalls.on.Load() {
			return
		}
		if i := lockCalls.n.Add(1) - 1; i < int64(len(lockCalls.stack)) {
			runtime.Callers(3, lockCalls.stack[i][:])
		}
	}
}

// countLocks logs how often the functions of Gatehouse lock while f runs, divided by per, and
// returns the sum. The sweeper and the watchdog, which do not lock for a message, do not count.
func countLocks(t *testing.T, what string, per int, f func()) (sum float64) {
	t.Helper()
	lockCalls.n.Store(0)
	clear(lockCalls.stack[:])
	lockCalls.on.Store(true)
	f()
	lockCalls.on.Store(false)
	n := int(lockCalls.n.Load())
	if n > len(lockCalls.stack) {
		t.Fatalf("%d locks are more than the test counts: count fewer messages", n)
	}
	counts := map[string]int{}
	for _, stack := range lockCalls.stack[:n] {
		if name := lockCaller(stack[:]); name != "" {
			counts[name]++
		}
	}
	table := &strings.Builder{}
	for _, name := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	}) {
		if each := float64(counts[name]) / float64(per); each >= 0.05 { // otherwise a pool that grows
			fmt.Fprintf(table, "\n%6.2f  %s", each, name)
			sum += each
		}
	}
	t.Logf("%s: %.1f lock operations%s", what, sum, table)
	return sum
}

// lockCaller returns the function of Gatehouse that has locked; "" for none.
func lockCaller(stack []uintptr) string {
	const module = "github.com/gatehouse-go/gatehouse/"
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		name, ours := strings.CutPrefix(f.Function, module)
		switch {
		case strings.HasPrefix(name, "test") || strings.HasPrefix(name, "internal/rawpeer") || strings.HasSuffix(name, "watchdog).run") || strings.HasSuffix(name, "watchdog).all") || strings.HasSuffix(name, "CheckTimeouts"):
			return ""
		case ours:
			return strings.ReplaceAll(name, "[...]", "")
		case !more:
			return ""
		}
	}
}

// lockClient echoes one message, or reads one.
type lockClient struct{ echo, read func() }

// lockClients opens a client of each platform.
var lockClients = map[string]struct {
	adapter func() adapter.Adapter
	open    func(t *testing.T, addr string) lockClient
}{
	"ws": {func() adapter.Adapter { return ws.New() }, func(t *testing.T, addr string) lockClient {
		p := rawpeer.Open(t, addr, "/")
		return lockClient{
			func() { p.Send(`{"event":"echo","data":"hi","id":1}`); p.Want(`{"id":1,"data":"hi"}`) },
			func() { p.Text() },
		}
	}},
	"socketio": {func() adapter.Adapter { return socketio.New() }, func(t *testing.T, addr string) lockClient {
		s := rawpeer.NewEngine(t, addr).WebSocket()
		s.Send("40")
		s.Read()
		return lockClient{
			func() { s.Send(`421["echo","hi"]`); s.Want(`431["hi"]`) },
			func() { s.Text() },
		}
	}},
}

// TestLocks holds the numbers of docs/architecture.md.
func TestLocks(t *testing.T) {
	for _, c := range []struct {
		platform                string
		perMessage, perReceiver float64
	}{{"ws", 10, 3}, {"socketio", 11, 3}} {
		t.Run(c.platform, func(t *testing.T) {
			platform := lockClients[c.platform]
			a := newApp(t, platform.adapter(), websockets.Gateway(newLockGateway))
			const messages, receivers, broadcasts = 500, 100, 20
			clients := make([]lockClient, receivers)
			for i := range clients {
				clients[i] = platform.open(t, a.URL())
				clients[i].echo()
			}
			if sum := countLocks(t, "a message", messages, func() {
				for range messages {
					clients[0].echo()
				}
			}); sum > c.perMessage+0.5 {
				t.Errorf("%.1f lock operations per message, want %.0f: correct the page, or the code", sum, c.perMessage)
			}
			server := apptest.Get[*lockGateway](a).Server
			if sum := countLocks(t, "a broadcast, per client", receivers*broadcasts, func() {
				for range broadcasts {
					if err := server.Emit(t.Context(), "news", "hi"); err != nil {
						t.Fatal(err)
					}
					for _, c := range clients {
						c.read()
					}
				}
			}); sum > c.perReceiver+0.5 {
				t.Errorf("%.1f lock operations per client of a broadcast, want %.0f: correct the page, or the code", sum, c.perReceiver)
			}
		})
	}
}
