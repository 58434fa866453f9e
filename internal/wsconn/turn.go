package wsconn

import (
	"errors"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Handlers run on the goroutine that reads from the client, so no other goroutine has to
// be woken and the replies share one write. If they run longer than about 1 ms, the
// watchdog starts another reader, and the old goroutine exits when its handler returns.

// slowFor is how many messages of a client are handed to other goroutines after one of
// its handlers was slow.
const slowFor = uint8(64)

var errTurnStolen = errors.New("websocket: another goroutine has become the reader")

// runTurn runs the work that messages have brought. It returns false when another goroutine
// has become the reader meanwhile.
func (c *Conn) runTurn(work adapter.Work) (reader bool) {
	if c.slowLeft > 0 {
		c.slowLeft--
		work.Start()
		return true
	}
	q := c.out.Load()
	if q != nil {
		q.Cork()
	}
	turn := c.cfg.Group.watchdog.add(c)
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			c.Fail(v)
			reader = c.endTurn(turn)
			return
		}
		c.stealTurn(turn) // runtime.Goexit: the connection would have no reader
	}()
	work.Run()
	if q != nil {
		q.Uncork(true)
	}
	returned = true
	return c.endTurn(turn)
}

// growStack makes the goroutine's stack as large as decoders and most handlers need. Growing it
// deep inside one takes several µs, because every frame is looked at.
//
//go:noinline
func growStack() {
	var room [4 << 10]byte
	use(&room)
}

//go:noinline
func use(*[4 << 10]byte) {}

// endTurn ends a turn and reports whether it did: another goroutine may have. Another one must start a reader then.
func (c *Conn) endTurn(turn uint64) bool {
	if !c.turn.CompareAndSwap(turn, turn+1) {
		return false
	}
	c.framed.slot.end()
	return true
}

// Yield starts another reader at once when the reading goroutine runs a handler: the
// handler waits for what the client sends next.
func (c *Conn) Yield() {
	if turn := c.turn.Load(); turn&1 == 1 {
		c.stealTurn(turn)
	}
}

// stealTurn starts another reader, unless the turn has ended.
func (c *Conn) stealTurn(turn uint64) {
	if c.endTurn(turn) {
		c.startReader()
	}
}

// startReader replaces the reader whose turn was stolen.
func (c *Conn) startReader() {
	if q := c.out.Load(); q != nil {
		q.Uncork(false)
	}
	c.mu.Lock()
	h, done := c.handler, c.done
	c.mu.Unlock()
	c.slowLeft = slowFor
	go c.serve(h, done)
}
