package adaptertest

import (
	"bytes"
	"context"
	"net"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func slowTests() []test {
	return []test{{"law 16: a slow reader is closed and does not delay others", testSlowReader}}
}

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
	const tries = 400 // 64 KiB each: far more than network buffers hold
	left := make(chan websockets.Reason, 2)
	g := newGateway(echo())
	g.leave = func(_ context.Context, _ websockets.Client, r websockets.Reason) { left <- r }
	g.opts = []websockets.Option{websockets.WithLimits(websockets.Limits{SendQueue: 256 << 10})}
	a := s.start(t, g)
	stop, resume := make(chan struct{}), make(chan struct{})
	slow := s.dial(t, a, apptest.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &gatedConn{Conn: conn, stop: stop, resume: resume}, err
	}))
	fast := s.dial(t, a)
	alive(t, slow)
	alive(t, fast)
	close(stop)
	defer close(resume)
	load := string(bytes.Repeat([]byte("x"), 64<<10))
	for range tries {
		if err := g.Server.Emit(t.Context(), "load", load); err != nil {
			t.Fatal(err)
		}
		fast.ExpectMessage("load")
		if g.Server.Local().Len() == 1 {
			break
		}
	}
	if r := get(t, left, "the close of the slow client"); r.Cause != websockets.CauseQueueOverflow {
		t.Errorf("reason %v, want %q", r, websockets.CauseQueueOverflow)
	}
	alive(t, fast)
}
