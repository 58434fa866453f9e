package frames_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFault_F31_StuckReader: A client that never reads is dropped according to the policy, its memory stays within
// the limit, and the others receive everything.
func TestFault_F31_StuckReader(t *testing.T) {
	const queue, news, size = 1 << 20, 3000, 10_000
	o := options{limits: websockets.Limits{SendQueue: queue, SendQueueMax: queue, PingTimeout: time.Minute}}
	payload := strings.Repeat("x", size)
	broadcast := func(t *testing.T, s *stage.Stage, hear func() string) {
		t.Helper()
		grown := peak(func() {
			for i := range news {
				if err := s.Server.Emit(t.Context(), "news", payload); err != nil {
					t.Fatalf("emit %d: %v", i, err)
				}
				if got := hear(); !strings.Contains(got, payload) {
					t.Fatalf("the client that reads got %.100q as event %d", got, i)
				}
			}
		})
		if grown > queue+flat {
			t.Errorf("%d bytes were used with a queue of %d", grown, queue)
		}
		if r := s.WantReasons(1)[0]; r.Cause != websockets.CauseQueueOverflow {
			t.Errorf("reason %v", r)
		}
	}
	lines(t, o, func(t *testing.T, l *line) {
		listens := l.open()
		stuck := l.open(rawpeer.WithReceiveBuffer(4096))
		l.echo(stuck, "nothing to read yet")
		broadcast(t, l.Stage, listens.Text)
		l.echo(listens, "all received")
		listens.Close()
		l.WantGone(2)
		l.alive()
	})
	t.Run(byPolling, func(t *testing.T) {
		s := pollingStage(t, o)
		e := rawpeer.NewEngine(t, s.Addr)
		listens := e.WebSocket()
		rawpeer.Enter(t, listens, "/", "")
		rawpeer.Enter(t, e.Poll(), "/", "") // and polls no more
		broadcast(t, s, listens.Text)
		rawpeer.Echo(t, listens, "all received")
		listens.Close()
		s.WantGone(2)
	})
}
