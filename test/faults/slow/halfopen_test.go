package slow_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// hole is a proxy that forwards everything until it discards everything: it sends no FIN, no RST and no byte in
// either direction, but keeps reading.
type hole struct {
	addr string

	mu      sync.Mutex
	swallow bool
}

func newHole(t *testing.T, to string) *hole {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{addr: l.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() { // the peers are closed by then
		cancel()
		_ = l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := new(net.Dialer).DialContext(ctx, "tcp", to)
			if err != nil {
				_ = in.Close()
				return
			}
			context.AfterFunc(ctx, func() { _, _ = in.Close(), out.Close() })
			all.Go(func() { h.pass(out, in) })
			all.Go(func() { h.pass(in, out) })
		}
	})
	return h
}

func (h *hole) pass(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		h.mu.Lock()
		gone := h.swallow
		h.mu.Unlock()
		if !gone && n > 0 {
			_, _ = to.Write(b[:n])
		}
		if err != nil {
			if !gone { // otherwise no FIN is forwarded
				_ = to.Close()
			}
			return
		}
	}
}

// discard discards everything from now on.
func (h *hole) discard() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.swallow = true
}

// TestFault_F30_HalfOpenPeer: The network discards everything from and to a client, or the client's process is
// frozen: without FIN or RST the client is closed by the ping timeout, once, and nothing of it is left.
func TestFault_F30_HalfOpenPeer(t *testing.T) {
	limits := websockets.Limits{PingInterval: 300 * time.Millisecond, PingTimeout: 700 * time.Millisecond}
	check := func(t *testing.T, s *stage.Stage, started time.Time) {
		t.Helper()
		reasons := s.WantGone(1)
		if took := time.Since(started); took < limits.PingTimeout {
			t.Errorf("it is closed after %v, too early", took)
		}
		if c := reasons[0].Cause; c != websockets.CausePingTimeout {
			t.Errorf("HandleDisconnect gets %v, want %q", reasons[0], websockets.CausePingTimeout)
		}
	}
	for _, k := range kinds() {
		t.Run(k.name+", swallowed", func(t *testing.T) {
			s := stage.New(t, k.adapter(), stage.Limits(limits))
			h := newHole(t, s.Addr)
			started := time.Now()
			k.open(t, h.addr)
			s.Wait("it is connected", func() bool { return s.Connects() == 1 })
			h.discard()
			check(t, s, started)
			k.alive(t, s.Addr)
		})
		t.Run(k.name+", frozen", func(t *testing.T) {
			s := stage.New(t, k.adapter(), stage.Limits(limits))
			started := time.Now()
			k.open(t, s.Addr) // and it never reads again
			check(t, s, started)
			k.alive(t, s.Addr)
		})
	}
	t.Run("polling, swallowed", func(t *testing.T) {
		s := stage.New(t, socketio.New(), stage.Limits(limits))
		h := newHole(t, s.Addr)
		started := time.Now()
		p := rawpeer.NewEngine(t, h.addr).Poll()
		rawpeer.Enter(t, p, "/", "")
		poll := p.Start(p.GetBytes()) // it waits for the answer
		h.discard()
		check(t, s, started)
		poll.Close()
		rawpeer.AlivePolling(t, s.Addr)
	})
}
