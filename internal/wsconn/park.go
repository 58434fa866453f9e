package wsconn

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/sockio"
)

// A connection that has had no traffic for Limits.IdleAfter is parked: it has no reader, and so
// neither a goroutine nor a stack. So is one whose message was the first for that long, when it is handled, and with
// Config.ParkUnread one that has not sent any. The poller of its group starts a reader when something arrives or
// the client has gone; so does everything that needs the reader, above all Close. Nothing else of a
// connection depends on it: what is sent to a parked one goes out as usual, and the sweeper
// checks it as one whose reader waits.
//
// Connections that the WebSocket library reads, and those whose bytes are not the socket's,
// as with TLS, are never parked.

// errParked is why a reader has ended whose connection is parked.
var errParked = errors.New("websocket: the connection is parked")

// parkAtOnce is the largest IdleAfter with which the sweeper has no part: a connection is parked
// whenever nothing of its client waits.
const parkAtOnce = time.Millisecond

// closedEvery is at how many sweeps the sweeper looks once whether others have closed the socket of a parked
// connection: it costs more than all else that it looks at.
const closedEvery = 16

// parking is what a connection needs to be parked.
type parking struct {
	state atomic.Uint32 // a parkState; set with Conn.mu held

	// Guarded by Conn.mu.
	poller *sockio.Poller // that watches the socket while it is parked
	place  sockio.Place
	readBy int64 // stamp: until when the reader reads after an error of writing; 0 without one

	quietSince atomic.Int64 // stamp: since when no message has come but heartbeats

	// Of the reading goroutine.
	woken     bool // it must read before it may be parked again
	active    bool // a message that is no heartbeat has come since quietSince
	heartbeat bool // see Heartbeat
}

type parkState = uint32

const (
	parkAwake parkState = iota // it has a reader
	parkAsked                  // the sweeper has ended the read, so that the reader parks it
	parkParked
)

// Heartbeat is for Handler.Message: the message does not count as traffic, so that a parked
// connection is parked again.
func (c *Conn) Heartbeat() { c.park.heartbeat = true }

// isQuiet reports whether the client has sent nothing but heartbeats for so long that its
// connection may be parked. For the reading goroutine, before it waits for the network.
func (p *parking) isQuiet(c *Conn) bool {
	now, limit := c.cfg.Group.Clock.Coarse(), c.cfg.Limits.IdleAfter
	quiet := limit < parkAtOnce || time.Duration(now-p.quietSince.Load()) >= limit
	if p.active { // when it was quiet before, one message changes nothing
		p.active = false
		p.quietSince.Store(now)
		c.waited = quiet && limit >= parkAtOnce
	}
	if p.woken {
		p.woken = false
		return false
	}
	return sockio.CanPoll && limit > 0 && quiet
}

// checkPark ends the read of a reader that has waited for long enough. For the sweeper, when the
// reader waits for the network.
func (c *Conn) checkPark(now int64) {
	p, limit := &c.park, c.cfg.Limits.IdleAfter
	switch {
	case p.state.Load() == parkParked:
		if (now/int64(c.cfg.Group.Tick)+int64(c.serial))%closedEvery == 0 && c.framed.tryWriter.Closed() {
			c.wake() // closed by others than Conn, which wakes it before
		}
		return
	case !sockio.CanPoll || limit < parkAtOnce || time.Duration(now-p.quietSince.Load()) < limit:
		return
	case c.framed.tryWriter == nil || c.framed.partialSince.Load() != 0:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.state.Load() == parkAwake && c.mayPark() {
		p.state.Store(parkAsked)
		_ = c.framed.SetReadDeadline(time.Unix(1, 0))
	}
}

// mayPark reports whether nothing needs the reader; c.mu is held.
func (c *Conn) mayPark() bool {
	return c.phase == phaseOpen && !c.writeError.Load() && c.lib.Load() == nil && c.handler != nil
}

// interrupted reports whether a read has only ended because the sweeper wants the connection to
// be parked. Then the reader goes on.
func (c *Conn) interrupted(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.park.state.Load() != parkAsked {
		return false
	}
	c.park.state.Store(parkAwake)
	if by := c.park.readBy; by != 0 && c.cfg.Group.Clock.Now() >= by {
		return false
	}
	c.endRead()
	c.framed.err = nil
	c.waited = true
	return true
}

// endRead sets the time at which a read ends, after an error of writing, and none otherwise; c.mu is
// held.
func (c *Conn) endRead() {
	var at time.Time
	if by := c.park.readBy; by != 0 {
		at = time.Now().Add(time.Duration(by - c.cfg.Group.Clock.Now()))
	}
	_ = c.framed.SetReadDeadline(at)
}

// mostUnread is how many connections of a group wait with a reader for their first message. Where clients send it at once,
// that costs 8 % less for a connection (connect of bench/run).
const mostUnread = 128

// parkUnread parks a connection from which nothing was read yet, unless few wait for their first message, and reports whether it
// did. It is for Serve.
func (c *Conn) parkUnread() bool {
	if !sockio.CanPoll || !c.cfg.ParkUnread || c.cfg.Limits.IdleAfter <= 0 || len(c.framed.ahead) > 0 {
		return false
	}
	if c.cfg.Group.unread.Add(1) <= mostUnread {
		c.unread.Store(true)
		return false
	}
	c.cfg.Group.unread.Add(-1)
	c.waited = true // what the handshake has used is free
	return c.parkReader()
}

// readFirst ends that the connection counts for mostUnread.
func (c *Conn) readFirst() {
	if c.unread.Load() && c.unread.CompareAndSwap(true, false) {
		c.cfg.Group.unread.Add(-1)
	}
}

// parkReader parks the connection and reports whether it did. Then the reading goroutine must
// return: another one may be the reader already.
func (c *Conn) parkReader() bool {
	w := c.framed
	if w.tryWriter == nil || w.work != nil || w.err != nil || !w.validator.AtRest() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mayPark() {
		return false
	}
	if c.park.state.Load() == parkAsked { // it has ended a read that was none any more
		c.endRead()
		c.park.state.Store(parkAwake)
	}
	poller := c.cfg.Group.idlePoller()
	if poller == nil {
		c.park.quietSince.Store(w.clock.Coarse()) // tried again after IdleAfter
		return false
	}
	if w.readingSince.Load() == 0 {
		w.readingSince.Store(w.clock.Coarse())
	}
	place, err := poller.Watch(w.Conn, c)
	if err != nil {
		c.park.quietSince.Store(w.clock.Coarse())
		return false
	}
	c.park.poller, c.park.place = poller, place
	if c.waited {
		c.waited = false
		c.cfg.Group.reclaim.parked.Add(1)
	}
	c.cfg.Group.watchdog.leave(c)
	w.stopReading()
	c.park.state.Store(parkParked)
	return true
}

// Wake implements [sockio.Sleeper].
func (c *Conn) Wake(at sockio.Place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.park.place == at {
		c.unpark()
	}
}

// wake starts a reader if the connection is parked.
func (c *Conn) wake() {
	if c.park.state.Load() == parkAwake { // parkReader looks for the cause of this call first
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unpark()
}

// unpark starts a reader if the connection is parked; c.mu is held.
func (c *Conn) unpark() {
	p := &c.park
	if p.state.Load() != parkParked {
		return
	}
	p.poller.Leave(p.place)
	p.poller, p.place = nil, sockio.Place{}
	p.state.Store(parkAwake)
	p.woken, c.stackGrown = true, false
	c.framed.reading = newReading(c.framed.Conn, c.cfg.validator())
	go c.serve(c.handler, c.done)
}

// idlePoller returns the poller of the parked connections; nil without one. It runs while there
// are members.
func (g *Group) idlePoller() *sockio.Poller {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.poller != nil || len(g.members) == 0 {
		return g.poller
	}
	p, err := sockio.NewPoller()
	if err != nil {
		return nil
	}
	g.live++
	g.poller = p
	go func() {
		defer g.Exit()
		p.Run()
	}()
	return p
}
