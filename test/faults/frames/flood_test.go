package frames_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFault_V1_MessagesBehindALargeOne: Messages that directly follow a large one, and are read together with its
// end, are all handled, whatever part of them fits into the client's inbox.
func TestFault_V1_MessagesBehindALargeOne(t *testing.T) {
	const limit = 3 << 20
	lines(t, options{limits: websockets.Limits{MaxMessage: limit}}, func(t *testing.T, l *line) {
		p := l.open()
		events := 0
		for _, size := range []int{999_000, 1<<20 - 30, 1 << 20, limit} {
			big := l.ofSize(size)
			for range 3 {
				p.Write(frame(0x01, big[:size-50]) + frame(0x89, "so far"))
				if got, err := p.Next(); err != nil || got.Payload != "so far" {
					t.Fatalf("got %s, %v, want the pong", got, err)
				}
				p.Write(frame(0x80, big[size-50:]) + text(l.message("noop", "behind")) + text(l.ofSize(2000)) + text(l.message("noop", "last")))
				events += 4
				l.Wait("all were handled", func() bool { return l.Events() == events })
			}
		}
		p.Close()
		l.alive()
	})
	t.Run(byPolling, func(t *testing.T) {
		l := &line{t: t, name: overWS, Stage: pollingStage(t, options{limits: websockets.Limits{MaxMessage: limit}})}
		p := rawpeer.NewEngine(t, l.Addr).Poll()
		rawpeer.Enter(t, p, "/", "")
		for range 10 {
			p.Send(l.ofSize(1<<20) + "\x1e" + l.message("noop", "behind") + "\x1e" + l.ofSize(1<<20))
			rawpeer.Echo(t, p, "all were handled before this")
		}
		p.Abort()
		l.WantGone(1)
	})
}
