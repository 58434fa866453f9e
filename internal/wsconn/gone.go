package wsconn

import (
	"net"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/sockio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// LeaveGrace is how long a client that has closed its side may wait for the next of its
// messages to be started, before the connection ends and the handlers' context with it.
const LeaveGrace = 500 * time.Millisecond

// Gone reports whether the kernel knows that the peer has closed or reset the connection;
// false where the system does not report it.
func Gone(nc net.Conn) bool {
	s, ok := sockio.NewProbe(nc).Look()
	return ok && s.Gone
}

// watch looks after a connection whose reader waits for a handler, so that nobody would
// notice the end of the connection. Of the sweeper.
func (c *Conn) watch(now int64) {
	w, limits := c.wire, &c.cfg.Limits
	// The client may have answered all the while.
	w.heardAt.Store(now)
	w.pingedAt.Store(0)
	if c.cfg.Heartbeat && time.Duration(now-c.beatAt) >= limits.PingInterval {
		c.beatAt = now // a client that is alive sends a pong, which the kernel sees
		c.ping()
	}
	c.mu.Lock()
	h := c.handler
	c.mu.Unlock()
	if h == nil {
		return
	}
	stalled := h.Stalled()
	if stalled == 0 {
		return
	}
	p := c.sweepProgress()
	known := p.look()
	gone := known && p.Gone || c.writeError.Load()
	if gone && c.goneAt == 0 {
		c.goneAt = now
	}
	// While messages are still being started the reader may come to the client's close
	// frame; for CloseTimeout at most, see [Conn.Beat].
	patience := limits.PingInterval + limits.PingTimeout
	switch {
	case gone && stalled > LeaveGrace:
		c.leaveGone()
	case !gone && stalled > patience && (!known || p.Quiet > patience && p.Waiting == 0) && w.writingSince.Load() == 0:
		c.Leave(websockets.Reason{Cause: websockets.CausePingTimeout}, Cut)
	}
}

// leaveGone ends the connection of a client that has closed its side.
func (c *Conn) leaveGone() {
	r := websockets.Reason{Cause: websockets.CauseTransportClose}
	if c.writeError.Load() {
		r = websockets.Reason{Cause: websockets.CauseTransportError, Text: "write failed"}
	}
	c.Leave(r, Cut)
}
