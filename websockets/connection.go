package websockets

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Connection is one physical connection: a WebSocket of plain WebSocket, an Engine.IO
// session of Socket.IO whatever its transport. It outlives what a client does in its
// namespaces: one that leaves a namespace and enters it again has a new [Client] and
// the same Connection. Adapters make one for each connection and give it to all its
// handshakes, see [Handshake].Connection. The zero value is ready to use. Its methods
// are safe for concurrent use.
type Connection struct {
	values Values
	held   budget // by messages, of all namespaces

	over   atomic.Bool // the server is closing it: nothing more of the client is handled
	mu     sync.Mutex
	errors int // since
	since  time.Time
}

// Values holds what guards keep for the connection, see [pipeline.Call].Connection.
func (c *Connection) Values() *Values { return &c.values }

// errorWindow is the time in which [Limits].ClientErrors count together. It begins with
// the first of them.
const errorWindow = 10 * time.Second

// wrong counts something that the client did wrong, and reports, once, that it is one
// too many.
func (c *Connection) wrong(limit int) bool {
	if limit < 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); c.errors == 0 || now.Sub(c.since) >= errorWindow {
		c.errors, c.since = 0, now
	}
	c.errors++
	return c.errors >= limit && c.over.CompareAndSwap(false, true)
}

// blame counts an error that its client was told, and may close the connection. What is
// the server's own fault does not count: an outage must not end connections.
func (s *session) blame(err error) {
	if e, ok := visible(err); !ok || e.Status >= http.StatusInternalServerError {
		return
	}
	if s.hs.Connection.wrong(s.ep.srv.limits.ClientErrors) {
		s.conn.CloseConnection(Reason{Cause: CauseClientErrors, Text: "too many bad or refused messages"})
	}
}
