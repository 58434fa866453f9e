// Package connection has the state of one physical connection, which all clients of its
// namespaces share.
package connection

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Connection is one physical connection: a WebSocket of plain WebSocket, an Engine.IO
// session of Socket.IO whatever its transport. It outlives what a client does in its
// namespaces: one that leaves a namespace and enters it again is a new client with the
// same Connection. The zero value is ready to use. Its methods are safe for concurrent use.
type Connection struct {
	values pipeline.Values
	held   Budget

	closing atomic.Bool
	former  atomic.Int32 // clients that have left and not ended
	mu      sync.Mutex
	errors  int32         // since
	since   time.Duration // since started
}

var started = time.Now()

// Values holds what guards keep for the connection.
func (c *Connection) Values() *pipeline.Values { return &c.values }

// Held is the memory that messages of all namespaces hold.
func (c *Connection) Held() *Budget { return &c.held }

// StartClosing records that the server closes the connection: no message of the client is
// handled from now on.
func (c *Connection) StartClosing() { c.closing.Store(true) }

// Closing reports whether the server closes the connection.
func (c *Connection) Closing() bool { return c.closing.Load() }

// Left counts a client that has left, until Ended: its handlers may still run.
func (c *Connection) Left() { c.former.Add(1) }

// Ended is called when everything of a client that has left has returned.
func (c *Connection) Ended() { c.former.Add(-1) }

// Former returns how many clients have left and not ended.
func (c *Connection) Former() int { return int(c.former.Load()) }

// errorWindow is the time in which the errors of a client count together. It starts with
// the first of them.
const errorWindow = 10 * time.Second

// CountError counts an error of the client and reports, once, that it has made too many;
// the connection is closing then. A negative limit counts nothing.
func (c *Connection) CountError(limit int) bool {
	if limit < 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Since(started); c.errors == 0 || now-c.since >= errorWindow {
		c.errors, c.since = 0, now
	}
	c.errors++
	return int(c.errors) >= limit && c.closing.CompareAndSwap(false, true)
}
