package churn_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const (
	idleClients = 2000

	// Limits for one idle connection, and for one that has had no traffic for longer than
	// Limits.IdleAfter; the log has the measurements.
	idleBytes   = 24 << 10
	parkedBytes = 6 << 10
)

// footprint is the memory and goroutines of one connection.
type footprint struct {
	heap, stack, resident float64
	goroutines            float64
}

// measureEach measures connections that open returns, when there are at most so many goroutines for each
// of them, and calls look while all are open.
func measureEach(t *testing.T, open func() (net.Conn, error), most float64, look func()) footprint {
	t.Helper()
	conns := make([]net.Conn, 0, idleClients)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	sample := func() (m runtime.MemStats, resident int64, goroutines int) {
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m, residentBytes(), runtime.NumGoroutine()
	}
	before, resident, goroutines := sample()
	for range idleClients {
		c, err := open()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	testkit.Within(testkit.Patience, func() bool {
		return float64(runtime.NumGoroutine()-goroutines)/idleClients <= most
	})
	after, residentAfter, goroutinesAfter := sample()
	look()
	each := func(before, after uint64) float64 { return float64(int64(after)-int64(before)) / idleClients }
	return footprint{
		heap:       each(before.HeapInuse, after.HeapInuse),
		stack:      each(before.StackInuse, after.StackInuse),
		resident:   each(uint64(resident), uint64(residentAfter)),
		goroutines: float64(goroutinesAfter-goroutines) / idleClients,
	}
}

// measureClient measures the client side of a connection, which is in the same process: half
// of an idle pair of connections.
func measureClient(t *testing.T) footprint {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var accepted []net.Conn
	defer func() {
		for _, c := range accepted {
			_ = c.Close()
		}
	}()
	w := measureEach(t, func() (net.Conn, error) {
		c, err := dial(l.Addr().String())
		if err != nil {
			return nil, err
		}
		other, err := l.Accept()
		accepted = append(accepted, other)
		return c, err
	}, 0, func() {})
	return footprint{heap: w.heap / 2, stack: w.stack / 2, resident: w.resident / 2}
}

// profile writes a heap profile into the directory $CHURN_PROFILES, if it is set.
func profile(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("CHURN_PROFILES")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pprof.WriteHeapProfile(f), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestIdleConnection(t *testing.T) {
	testIdle(t, -1, 1, idleBytes)
}

// A connection that has had no traffic for Limits.IdleAfter has no goroutine.
func TestParkedConnection(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // as in TestIdleConnection
	}
	testIdle(t, 1, 0, parkedBytes)
}

func testIdle(t *testing.T, after time.Duration, goroutines float64, most float64) {
	client := measureClient(t)
	t.Logf("client's end:  heap %6.0f B, stack %5.0f B", client.heap, client.stack)
	for name, c := range map[string]struct {
		adapter adapter.Adapter
		open    func(addr string) (*socket, error)
	}{
		"socketio": {socketio.New(), func(addr string) (*socket, error) {
			s, _, err := enterWS(addr, "40", "40{")
			return s, err
		}},
		"ws": {ws.New(), func(addr string) (*socket, error) {
			s, err := dialWS(addr, "/")
			if err == nil { // the answer proves that the client is connected
				err = s.send(`{"event":"talk","data":1,"id":1}`)
			}
			if err == nil {
				_, err = s.expect(`{"id":1,"data":2}`)
			}
			return s, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &countingGateway{}
			p := serve(t, l, c.adapter, websockets.WithLimits(websockets.Limits{IdleAfter: after}))
			goroutines := goroutines + 0.01
			w := measureEach(t, func() (net.Conn, error) {
				s, err := c.open(p.addr)
				if err != nil {
					return nil, err
				}
				return s.conn, nil
			}, goroutines, func() {
				if n := l.Server.Local().Len(); n != idleClients {
					t.Errorf("%d clients, want %d", n, idleClients)
				}
				profile(t, fmt.Sprint(name, after))
			})
			w.heap -= client.heap
			w.stack -= client.stack
			t.Logf("%-9s each: heap %6.0f B, stack %5.0f B, goroutines %.3f, resident with the client's end %6.0f B",
				name, w.heap, w.stack, w.goroutines, w.resident)
			if w.goroutines > goroutines {
				t.Errorf("%.2f goroutines for each connection, want %.2f", w.goroutines, goroutines)
			}
			if got := w.heap + w.stack; got > most*slower {
				t.Errorf("%.0f bytes for each connection, want at most %.0f", got, most*slower)
			}
			if w.heap < 1000 {
				t.Errorf("%.0f bytes of heap for each connection: the measurement measures nothing", w.heap)
			}
		})
	}
}
