package adaptertest

import (
	"net"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
)

var slowTests = []test{{"law 16: a slow reader is closed and does not delay others", testSlowReader}}

// gatedConn does not read between the close of stop and that of resume.
type gatedConn struct {
	net.Conn

	stop, resume <-chan struct{}
}

func (c *gatedConn) Read(b []byte) (int, error) {
	select {
	case <-c.stop:
		<-c.resume
	default:
	}
	return c.Conn.Read(b)
}

func testSlowReader(t *testing.T, s *suite) {
	g, left := leaving(patient(256<<10, 512<<10), echo())
	g.emits(websockets.NewEvent[string]("load"))
	a := s.start(t, g)
	slow := s.dialStalled(t, a)
	fast := s.dial(t, a)
	alive(t, fast)
	close(slow.stop)
	for range loads {
		if err := g.Server.Emit(t.Context(), "load", encoded); err != nil {
			t.Fatal(err)
		}
		fast.ExpectMessage("load")
		if g.Server.Local().Len() == 1 {
			break
		}
	}
	wantCause(t, "the close of a client for which more than Limits.SendQueueMax waits, by Conn.Emit", left, websockets.CauseQueueOverflow)
	alive(t, fast)
}
