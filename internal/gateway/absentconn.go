package gateway

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// recorded is an event that a client on its way to this node has missed here.
type recorded struct {
	adapter.Missed

	origin string
	seq    uint64 // 0: not numbered
	size   int
}

// absentConn is the connection of a client that is on its way to this node. What is sent to it is recorded by record,
// which knows the numbers, and not by Emit.
type absentConn struct {
	id string
	mv *moves
	to atomic.Pointer[adapter.Conn] // of the platform, once the client is parked here; set with gate held for writing

	mu    sync.Mutex
	all   []recorded
	bytes int
	full  bool // something is missing
}

var _ adapter.Conn = (*absentConn)(nil)

func (c *absentConn) ID() string                                    { return c.id }
func (*absentConn) Reply(*adapter.Message, *adapter.Outgoing) error { return websockets.ErrClosed }
func (*absentConn) Writable(context.Context) error                  { return websockets.ErrClosed }
func (*absentConn) State() adapter.ConnState                        { return adapter.ConnState{} }
func (*absentConn) Native() any                                     { return nil }

// Emit implements [adapter.Conn].
func (c *absentConn) Emit(out *adapter.Outgoing, ack uint64) error {
	if to := c.to.Load(); to != nil {
		return (*to).Emit(out, ack)
	}
	return nil
}

// Close implements [adapter.Conn].
func (c *absentConn) Close(r websockets.Reason) {
	if to := c.to.Load(); to != nil {
		(*to).Close(r)
	}
}

// CloseConnection implements [adapter.Conn].
func (c *absentConn) CloseConnection(r websockets.Reason) { c.Close(r) }

// record records an event for those of the clients that are on their way to this node. gate is held for reading.
func (mv *moves) record(to []*session, out *adapter.Outgoing, origin string, seq uint64) {
	if mv.recording.Load() == 0 || out.Volatile {
		return
	}
	var r recorded
	var err error
	for _, s := range to {
		c, ok := s.conn.(*absentConn)
		if !ok || c.to.Load() != nil {
			continue
		}
		if r.Event == "" { // they share it
			var p websockets.Payload
			p, err = out.Payload(true)
			r = recorded{Missed: adapter.Missed{Event: out.Event, Payload: p.Clone(), Uncompressed: out.Uncompressed}, origin: origin, seq: seq}
		}
		c.add(r, err)
	}
}

func (c *absentConn) add(r recorded, err error) {
	r.size = len(r.Event) + r.Payload.Size() + attachmentMemory*len(r.Payload.Attachments) + eventMemory
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.full:
	case err != nil, len(c.all) >= maxMissed, c.bytes+r.size > maxMovedBytes:
		c.full = true
	case c.mv.bytes.Add(int64(r.size)) > maxMovingBytes:
		c.mv.bytes.Add(-int64(r.size))
		c.full = true
	default:
		c.all, c.bytes = append(c.all, r), c.bytes+r.size
	}
}

// merge returns what the client has missed: at the other node, and here since. It is not complete when too much was
// missed here, or was lost on its way here and is not in what the other node has delivered.
func (c *absentConn) merge(there claimAnswer) (missed []adapter.Missed, complete bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	missed = there.missed
	for _, r := range c.all {
		if r.seq == 0 || r.seq > there.Delivered[r.origin] {
			missed = append(missed, r.Missed)
		}
	}
	return missed, !c.full && !c.mv.losses.beyond(there.Delivered)
}

// forget drops what is recorded.
func (c *absentConn) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mv.bytes.Add(-int64(c.bytes))
	c.all, c.bytes, c.full = nil, 0, false
}
