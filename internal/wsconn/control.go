package wsconn

import (
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// queuedControls are the control frames that wait in the send queue: at most one ping and
// one pong.
type queuedControls struct {
	ping    atomic.Bool
	pong    bool    // guarded by Conn.mu, as payload is
	payload *[]byte // of the pong; nil until the client has sent a ping
}

// pushControl queues a ping or a pong, of which none must be queued.
func (c *Conn) pushControl(k kind) bool {
	q := c.out.Load()
	return q != nil && q.Push(Item{kind: k}, entrySize, outbox.Always) == nil // one of each kind at a time
}

// ping queues a ping unless one is queued already. It does not block.
func (c *Conn) ping() {
	if c.queued.ping.CompareAndSwap(false, true) && !c.pushControl(kindPing) {
		c.queued.ping.Store(false)
	}
}

// takePing returns the frame of the queued ping, which is about to be sent.
func (c *Conn) takePing() []byte {
	c.queued.ping.Store(false)
	return rfc6455.ControlFrame(rfc6455.OpPing, nil)
}

// onPing queues a pong. If more pings arrive before it is sent, only the last is
// answered, as RFC 6455 §5.5.3 allows, so a flood of pings takes no memory.
func (c *Conn) onPing(payload []byte) {
	if c.out.Load() == nil { // nothing else is written yet
		_ = c.framed.writeFrame(rfc6455.ControlFrame(rfc6455.OpPong, payload))
		return
	}
	c.mu.Lock()
	if c.queued.payload == nil {
		c.queued.payload = new([]byte)
	}
	*c.queued.payload = append((*c.queued.payload)[:0], payload...)
	queued := c.queued.pong
	c.queued.pong = true
	c.mu.Unlock()
	if !queued && !c.pushControl(kindPong) {
		c.mu.Lock()
		c.queued.pong = false
		c.mu.Unlock()
	}
}

// takePong returns the frame of the queued pong, which is about to be sent.
func (c *Conn) takePong() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queued.pong = false
	return rfc6455.ControlFrame(rfc6455.OpPong, *c.queued.payload)
}
