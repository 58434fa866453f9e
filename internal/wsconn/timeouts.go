package wsconn

import (
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// CheckTimeouts implements [Member].
func (c *Conn) CheckTimeouts(now int64) {
	w, cfg := c.framed, c.cfg
	// Coarse stamps are up to one tick too old.
	over := func(since int64, d time.Duration) bool {
		return time.Duration(now-since) > d+cfg.Group.Tick
	}
	if since := c.lastAccepted(now); since != 0 && c.stalled(since, over) {
		return
	}
	if c.goneAt != 0 && over(c.goneAt, cfg.Limits.CloseTimeout) {
		c.closeGone()
		return
	}
	reading := w.readingSince.Load()
	if reading == 0 {
		c.checkBlocked(now)
		return
	}
	if since := w.partialSince.Load(); since != 0 && cfg.MessageTimeout > 0 && over(since, cfg.MessageTimeout) {
		c.Close(websockets.Reason{
			Cause: websockets.CauseParseError, Code: rfc6455.StatusPolicyViolation, Text: "a message took too long",
		}, CloseHandshake)
		return
	}
	c.checkPark(now)
	if !cfg.Heartbeat {
		return
	}
	if pinged := w.pingedAt.Load(); pinged != 0 {
		if time.Duration(now-c.UnansweredSince(pinged, now)) >= cfg.Limits.PingTimeout {
			c.Close(websockets.Reason{Cause: websockets.CausePingTimeout}, CloseAbort)
		}
		return
	}
	if time.Duration(now-max(reading, w.heardAt.Load())) >= cfg.Limits.PingInterval {
		c.ping()
	}
}

// stalled closes a client that has accepted no byte of a write for too long, and reports
// whether it did. since is the stamp of the last progress.
func (c *Conn) stalled(since int64, over func(int64, time.Duration) bool) bool {
	limits := &c.cfg.Limits
	if limits.SendStall > 0 && over(since, limits.SendStall) {
		if q := c.out.Load(); q != nil && q.Pressed() {
			c.Close(withCode(websockets.Reason{Cause: websockets.CauseQueueOverflow}, CloseHandshake), CloseAbort) // it would not read a close frame
			return true
		}
	}
	if over(since, limits.PingTimeout) {
		c.Close(websockets.Reason{Cause: websockets.CauseTransportError, Text: "the client does not read"}, CloseAbort)
		return true
	}
	return false
}
