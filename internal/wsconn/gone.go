package wsconn

import (
	"net"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/sockio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// LeaveGrace is how long a client that has closed its side may have messages none of
// which is started, before the connection ends and with it the context of its handlers.
const LeaveGrace = 500 * time.Millisecond

// Gone reports whether the peer has closed or reset the connection; false where the
// system does not report it.
func Gone(nc net.Conn) bool {
	s, ok := sockio.NewProbe(nc).Look()
	return ok && s.Gone
}

// checkBlocked checks a connection whose reader waits for a handler and so cannot notice
// the end of the connection. For the sweeper only.
func (c *Conn) checkBlocked(now int64) {
	w, limits := c.framed, &c.cfg.Limits
	// Answers of the client may be waiting unread.
	w.heardAt.Store(now)
	w.pingedAt.Store(0)
	if c.cfg.Heartbeat && time.Duration(now-c.pingAt) >= limits.PingInterval {
		c.pingAt = now // the kernel sees the pong of a client that is alive
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
	// While messages are still being started the reader may reach the client's close
	// frame, for CloseTimeout at most, see [Conn.CheckTimeouts].
	patience := limits.PingInterval + limits.PingTimeout
	switch {
	case gone && stalled > LeaveGrace:
		c.closeGone()
	case !gone && stalled > patience && (!known || p.silence(now) > patience) && w.writingSince.Load() == 0:
		c.Close(websockets.Reason{Cause: websockets.CausePingTimeout}, CloseAbort)
	}
}

// closeGone ends the connection of a client that has closed its side.
func (c *Conn) closeGone() {
	r := websockets.Reason{Cause: websockets.CauseTransportClose}
	if c.writeError.Load() {
		r = websockets.Reason{Cause: websockets.CauseTransportError, Text: "write failed"}
	}
	c.Close(r, CloseAbort)
}
