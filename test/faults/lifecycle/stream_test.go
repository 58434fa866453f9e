package lifecycle_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestFault_F76_DrainWhileStreaming: The application stops while handlers send endless streams, one to a client that
// reads and one to a client that does not: the sequences are stopped, the reader gets every item in order and then
// the close, the other connection is cut at its timeout, and HandleDisconnect runs for both.
func TestFault_F76_DrainWhileStreaming(t *testing.T) {
	t.Run("ws", func(t *testing.T) {
		streaming(t, ws.New(), `{"event":"ticks","data":0}`, `{"event":"tick","data":%d}`, func(addr string, opts ...rawpeer.DialOption) *rawpeer.Peer {
			return rawpeer.Open(t, addr, "/", opts...)
		})
	})
	t.Run("socketio", func(t *testing.T) {
		streaming(t, socketio.New(), `42["ticks",0]`, `42["tick",%d]`, func(addr string, opts ...rawpeer.DialOption) *rawpeer.Peer {
			w := rawpeer.NewEngine(t, addr).WebSocket(opts...)
			rawpeer.Enter(t, w, "/", "")
			return w.Peer
		})
	})
}

func streaming(t *testing.T, adapter adapter.Adapter, ask, item string, open func(string, ...rawpeer.DialOption) *rawpeer.Peer) {
	t.Helper()
	const closeTimeout = 2 * time.Second
	var sent, stopped atomic.Int64
	ticks := func(context.Context, int) iter.Seq2[websockets.Response[int], error] {
		return func(yield func(websockets.Response[int], error) bool) {
			defer stopped.Add(1)
			for n := 0; yield(websockets.Respond("tick", n), nil); n++ {
				sent.Add(1)
			}
		}
	}
	s := stage.New(t, adapter, stage.Handle(websockets.Stream("ticks", ticks)),
		stage.Limits(websockets.Limits{CloseTimeout: closeTimeout, SendQueue: 64 << 10}))
	reader := open(s.Addr)
	reader.Send(ask)
	for n := range 100 {
		if got, want := reader.Text(), fmt.Sprintf(item, n); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	silent := open(s.Addr, rawpeer.WithReceiveBuffer(4<<10))
	silent.Send(ask)
	ended := make(chan error, 1)
	go func() { ended <- reads(reader, item, 100) }()
	s.Wait("the reader has far more than the other can have been sent", func() bool { return sent.Load() > 10_000 })
	started := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := s.App.App().Stop(ctx); err != nil {
		t.Errorf("the stop: %v", err)
	}
	t.Logf("%d items, the stop took %v", sent.Load(), time.Since(started).Round(time.Millisecond))
	if err := testkit.Receive(t, "the close frame", ended); err != nil {
		t.Error(err)
	}
	if stopped.Load() != 2 {
		t.Errorf("%d of 2 sequences were stopped", stopped.Load())
	}
	for _, r := range s.Reasons() {
		if r.Cause != websockets.CauseShutdown {
			t.Errorf("HandleDisconnect gets %v, want %q", r, websockets.CauseShutdown)
		}
	}
	if n := len(s.Reasons()); n != 2 {
		t.Errorf("HandleDisconnect has run %d times, want 2", n)
	}
}

// reads reads items from the n-th on, in order, until the close.
func reads(p *rawpeer.Peer, item string, n int) error {
	for ; ; n++ {
		got, err := p.Next()
		if err != nil {
			return fmt.Errorf("item %d: %w", n, err)
		}
		if got.First == rawpeer.Fin|rawpeer.OpClose {
			if got.CloseCode() != 1001 {
				return fmt.Errorf("the close frame is %s, want 1001", got)
			}
			return p.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpClose, Payload: rawpeer.ClosePayload(1001, "")}.Bytes())
		}
		if want := fmt.Sprintf(item, n); got.Payload != want {
			return fmt.Errorf("got %s, want %s", got, want)
		}
	}
}
