package frames_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

// A client that violates the protocol while it connects is either never a client of the
// gateway, or disconnects once.
func TestBadFrameWhileConnecting(t *testing.T) {
	lines(t, options{}, func(t *testing.T, l *line) {
		for range 100 {
			if l.name == plain {
				p := rawpeer.Open(t, l.Addr, "/")
				p.Send("\xff")
				p.WantEnd()
				continue
			}
			s := rawpeer.NewEngine(t, l.Addr).WebSocket()
			s.Send("40")
			s.Send("49")
			s.WantEnd()
		}
		l.WantGone(0)
		t.Logf("%d of 100 reached HandleConnection", l.Connects())
		l.alive()
	})
}
