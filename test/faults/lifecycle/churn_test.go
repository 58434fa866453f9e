package lifecycle_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestFault_F69_Churn: Many clients connect and disconnect, half of them with a close and half with a reset:
// goroutines, file descriptors and the heap return to their level before. The package test/churn does it with 10,000
// of every kind.
func TestFault_F69_Churn(t *testing.T) {
	// The test itself keeps reasons and a log of its clients; a connection is 10,000 bytes.
	const warm, many, perClient = 200, 600, 1500
	for name, adapter := range map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New(), "polling": socketio.New()} {
		t.Run(name, func(t *testing.T) {
			s := stage.New(t, adapter)
			live := func(n int) {
				t.Run("clients", func(t *testing.T) { // the peers are closed at its end
					for i := range n {
						connectAndLeave(t, name, s.Addr, i%2 == 0)
					}
				})
			}
			live(warm)
			s.WantGone(warm)
			before := rest()
			live(many)
			s.WantGone(warm + many)
			var now figures
			s.Wait("all figures are as before", func() bool {
				now = rest()
				return now.goroutines <= before.goroutines && now.files <= before.files && now.heap <= before.heap+many*perClient
			})
			t.Logf("goroutines %d -> %d, files %d -> %d, heap %+d bytes", before.goroutines, now.goroutines, before.files, now.files, now.heap-before.heap)
		})
	}
}

// connectAndLeave connects and disconnects one client.
func connectAndLeave(t *testing.T, name, addr string, politely bool) {
	t.Helper()
	switch name {
	case "ws":
		p := rawpeer.Open(t, addr, "/")
		rawpeer.EchoWS(t, p, "hi")
		if politely {
			p.Frame(rawpeer.Fin|rawpeer.OpClose, rawpeer.ClosePayload(1000, ""))
			p.WantEnd()
			p.Close()
			return
		}
		p.Reset()
	case "socketio":
		w := rawpeer.NewEngine(t, addr).WebSocket()
		rawpeer.Enter(t, w, "/", "")
		rawpeer.Echo(t, w, "hi")
		if politely {
			w.Send("41")
			w.Frame(rawpeer.Fin|rawpeer.OpClose, rawpeer.ClosePayload(1000, ""))
			w.WantEnd()
			w.Close()
			return
		}
		w.Reset()
	default:
		p := rawpeer.NewEngine(t, addr).Poll()
		rawpeer.Enter(t, p, "/", "")
		rawpeer.Echo(t, p, "hi")
		if politely {
			p.Send("1")
			return
		}
		p.Abort()
	}
}

// figures is the resource usage of an idle process.
type figures struct {
	goroutines, files int
	heap              int64
}

func rest() figures {
	runtime.GC()
	runtime.GC() // pools free their contents in two collections
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	list, _ := os.ReadDir("/proc/self/fd") // empty on other systems
	return figures{runtime.NumGoroutine(), len(list), int64(m.HeapAlloc)}
}
