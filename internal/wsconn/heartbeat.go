package wsconn

import (
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Beat implements [Member]: the timeouts of one connection.
func (c *Conn) Beat(now int64) {
	w, cfg := c.wire, c.cfg
	// Coarse stamps are too old by up to one tick, so that much is granted.
	over := func(since int64, d time.Duration) bool {
		return time.Duration(now-since) > d+cfg.Group.Tick
	}
	if since := c.takenSince(now); since != 0 && c.stalled(since, over) {
		return
	}
	if c.goneAt != 0 && over(c.goneAt, cfg.Limits.CloseTimeout) {
		c.leaveGone()
		return
	}
	reading := w.readingSince.Load()
	if reading == 0 {
		c.watch(now)
		return
	}
	if since := w.partialSince.Load(); since != 0 && cfg.MessageTimeout > 0 && over(since, cfg.MessageTimeout) {
		c.Leave(websockets.Reason{
			Cause: websockets.CauseParseError, Code: rfc6455.StatusPolicyViolation, Text: "a message took too long",
		}, Farewell)
		return
	}
	if !cfg.Heartbeat {
		return
	}
	if pinged := w.pingedAt.Load(); pinged != 0 {
		if time.Duration(now-c.UnansweredSince(pinged, now)) >= cfg.Limits.PingTimeout {
			c.Leave(websockets.Reason{Cause: websockets.CausePingTimeout}, Cut)
		}
		return
	}
	if time.Duration(now-max(reading, w.heardAt.Load())) >= cfg.Limits.PingInterval {
		c.ping()
	}
}

// stalled closes a client that has taken no byte of a write since then for too long.
func (c *Conn) stalled(since int64, over func(int64, time.Duration) bool) bool {
	limits := &c.cfg.Limits
	if limits.SendStall > 0 && over(since, limits.SendStall) {
		if q := c.out.Load(); q != nil && q.Pressed() {
			c.Leave(sent(websockets.Reason{Cause: websockets.CauseQueueOverflow}, Farewell), Cut) // it would not take a close frame
			return true
		}
	}
	if over(since, limits.PingTimeout) {
		c.Leave(websockets.Reason{Cause: websockets.CauseTransportError, Text: "the client takes no data"}, Cut)
		return true
	}
	return false
}
