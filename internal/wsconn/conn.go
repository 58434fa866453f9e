// Package wsconn is one WebSocket connection, for every platform that speaks
// over one: the handshake, limits and checks that the websocket library does
// not have, prepared frames, batched writes, timeouts and the goodbye. It knows
// nothing of what the messages mean.
package wsconn

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Config is what the connections of one server share.
type Config struct {
	Limits websockets.Limits
	// MaxFragments and MessageTimeout bound one message; 0 or less for no limit.
	MaxFragments   int
	MessageTimeout time.Duration
	// Subprotocols are those that the server speaks, the best first;
	// AnySubprotocol takes the first that the client offers.
	Subprotocols   []string
	AnySubprotocol bool
	Compression    Compression
	// Heartbeat sends pings of RFC 6455 §5.5.2 when nothing else is heard.
	Heartbeat bool
	Group     *Group
	Logger    *slog.Logger
}

// Shortest is the shortest timeout that the connections look after.
func (c *Config) Shortest() time.Duration {
	d := min(c.Limits.PingInterval, c.Limits.PingTimeout)
	if stall := c.Limits.SendStall; stall > 0 {
		d = min(d, 2*stall) // so that a sweep is a sixteenth of it
	}
	if c.MessageTimeout > 0 {
		d = min(d, c.MessageTimeout)
	}
	return d
}

// Handler is what a connection belongs to.
type Handler interface {
	// Message takes one message, on the reading goroutine; blocking stops the
	// reading. msg is valid until it returns. An error ends the connection: a
	// *ViolationError with its code and cause, any other as an internal error.
	Message(text bool, msg []byte) error
	// Due gives what Message has put off, once; nil when there is nothing.
	Due() Job
	// Stalled returns for how long Message has been blocked without a message of the
	// client having been started; 0 while it is not blocked.
	Stalled() time.Duration
	// Ended tells that the connection has ended. It is called once.
	Ended(r websockets.Reason)
}

// Job is work that a message brought.
type Job interface {
	// Work does it, on the reading goroutine, when there is nothing more to read at
	// once. When it takes long, another goroutine reads on.
	Work()
	// Begin has it done by somebody else, and returns at once.
	Begin()
}

// Conn is one connection. Its reading goroutine, Serve, owns it; what is to be
// sent waits in the queue given by Attach.
type Conn struct {
	cfg  *Config
	id   string                         // for logs
	lib  atomic.Pointer[websocket.Conn] // nil until somebody needs it, see Native
	wire *wire
	out  atomic.Pointer[outbox.Queue[Item]]

	readerDone chan struct{}
	shift      atomic.Uint64 // counts beginnings and ends of work
	shard      uint32        // of the minder
	place      int           // in it, guarded by it
	progress   *progress     // of the sweeper; nil until it is needed

	subprotocol string

	// Of the reading goroutine.
	messages   int     // that have been read
	part       *[]byte // what there is of a message that came in pieces; nil without one
	grown      bool    // the stack, see grow
	handedOver bool    // the library reads, and may have read ahead
	slow       int     // for how many messages it does not work
	pingQueued atomic.Bool
	writeError atomic.Bool

	// Of the sweeper, see watch.
	goneAt int64 // when it first saw that the client has gone; 0 for not yet
	beatAt int64 // when it last sent a ping to a client whose reader is blocked

	mu         sync.Mutex
	handler    Handler
	done       func() // of Serve
	leaving    bool   // the reason stands
	ended      bool   // the handler has been, or will be, told
	reason     websockets.Reason
	goodbye    chan struct{} // closed when sayGoodbye has ended; nil without one
	pong       []byte        // payload of the pong that is due
	pongQueued bool
}

// Item is one thing to send: a message, which may be of several frames that
// must not be parted, or a control frame that is made when its turn comes.
type Item struct {
	Frame *Frame
	More  []*Frame
	// Plain is sent without compression.
	Plain bool
	// Once tells that Frame is of OnceFrame, to be freed when it has been sent.
	Once bool
	kind kind
}

// Size is the number of bytes on the wire.
func (it Item) Size() int {
	n := len(it.Frame.bytes)
	for _, f := range it.More {
		n += len(f.bytes)
	}
	return n
}

// What an item holds besides its bytes: its place in the queue, and a Frame.
var (
	entrySize = outbox.EntrySize[Item]()
	frameSize = int(reflect.TypeFor[Frame]().Size())
)

// Charge is the number of bytes that the item holds in memory while it waits, for
// [outbox.Queue.Push]. Frames that are shared by many connections count by their
// bytes, those of a single one by their buffers.
func (it Item) Charge() int {
	if !it.Once {
		return entrySize + it.Size()
	}
	n := entrySize + frameSize + cap(it.Frame.own)
	for _, f := range it.More {
		n += ptrSize + frameSize + cap(f.bytes)
	}
	return n
}

const ptrSize = 8

// FreeAll frees what has been sent.
func FreeAll(items []Item) {
	for _, it := range items {
		if it.Once {
			it.Frame.Free()
		}
	}
}

type kind uint8

const (
	kindMessage kind = iota
	kindPing
	kindPong
)

// Attach gives the connection the queue that it shares its end with; the
// queue's writer is to be [Conn.Write]. False when the connection is ending.
func (c *Conn) Attach(q *outbox.Queue[Item]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return false
	}
	c.out.Store(q)
	if c.wire.now != nil {
		q.Direct(c.tryWrite)
	}
	return true
}

// Reading tells that the reader waits for the network rather than for a handler.
func (c *Conn) Reading() bool { return c.wire.readingSince.Load() != 0 }

// Receiving tells that a message is half received.
func (c *Conn) Receiving() bool { return c.wire.partialSince.Load() != 0 }

func (c *Conn) push(k kind) bool {
	q := c.out.Load()
	return q != nil && q.Push(Item{kind: k}, entrySize, outbox.Always) == nil // one of each kind at a time
}

// ping queues a ping unless one waits already. It does not block.
func (c *Conn) ping() {
	if c.pingQueued.CompareAndSwap(false, true) && !c.push(kindPing) {
		c.pingQueued.Store(false)
	}
}

// onPing queues the pong. Of several pings that come before it is sent, the
// last is answered, as RFC 6455 §5.5.3 allows, so a flood takes no memory.
func (c *Conn) onPing(payload []byte) {
	if c.out.Load() == nil { // nobody else writes yet
		_ = c.wire.writeFrame(rfc6455.ControlFrame(rfc6455.OpPong, payload))
		return
	}
	c.mu.Lock()
	c.pong = append(c.pong[:0], payload...)
	queued := c.pongQueued
	c.pongQueued = true
	c.mu.Unlock()
	if !queued && !c.push(kindPong) {
		c.mu.Lock()
		c.pongQueued = false
		c.mu.Unlock()
	}
}

// WriteNow writes one frame past the queue. Only for a connection without one.
func (c *Conn) WriteNow(f *Frame) error { return c.wire.writeFrame(f.bytes) }

// Frames up to this size are gathered; larger ones are written from where they are.
const gatherSize = 16 << 10

// Write sends items. It is the writer of the connection's queue.
func (c *Conn) Write(items []Item) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(v)
			c.Leave(InternalReason, Farewell)
			err = fmt.Errorf("websocket: write panicked: %v", v)
		}
		if err != nil {
			c.writeFailed()
		}
	}()
	defer func() {
		if err == nil { // or somebody may still look at it
			FreeAll(items)
		}
	}()
	if len(items) == 1 && items[0].More == nil && items[0].kind == kindMessage {
		if it := items[0]; c.compress(it) {
			return c.writeCompressed(it.Frame)
		}
		return c.wire.writeFrame(items[0].Frame.bytes)
	}
	b := getBuffer()
	defer putBuffer(b)
	w := gather{c: c, buf: (*b)[:0]}
	defer func() { *b = w.buf }()
	for _, it := range items {
		switch it.kind {
		case kindPing:
			c.pingQueued.Store(false)
			w.pinged = true
			w.add(rfc6455.ControlFrame(rfc6455.OpPing, nil))
		case kindPong:
			c.mu.Lock()
			p := rfc6455.ControlFrame(rfc6455.OpPong, c.pong)
			c.pongQueued = false
			c.mu.Unlock()
			w.add(p)
		default:
			w.message(it)
		}
	}
	w.flush()
	return w.err
}

// tryWrite sends a message if that can be done without blocking: no goroutine has to
// be woken for it.
func (c *Conn) tryWrite(it Item) bool {
	if it.kind != kindMessage || it.More != nil || len(it.Frame.bytes) > gatherSize || c.compress(it) {
		return false
	}
	p := it.Frame.bytes
	n := c.wire.tryFrame(p)
	switch {
	case n == 0:
		return false
	case n < len(p):
		go c.finish(it, p[n:])
	case it.Once:
		it.Frame.Free()
	}
	return true
}

// finish writes what tryWrite could not.
func (c *Conn) finish(it Item, rest []byte) {
	_, err := c.wire.send(rest)
	c.wire.release()
	if err != nil {
		c.writeFailed()
	} else if it.Once {
		it.Frame.Free()
	}
}

func (c *Conn) compress(it Item) bool { return c.wire.validator.Deflate && !it.Plain }

func (c *Conn) writeCompressed(f *Frame) error {
	return c.lib.Load().Write(context.Background(), websocket.MessageType(f.op), f.Payload())
}

// gather collects frames so that a burst goes out in few writes.
type gather struct {
	c      *Conn
	buf    []byte
	pinged bool // a ping is in buf
	err    error
}

func (w *gather) message(it Item) {
	if w.c.compress(it) {
		w.flush()
		w.compressed(it.Frame)
		for _, f := range it.More {
			w.compressed(f)
		}
		return
	}
	w.add(it.Frame.bytes)
	for _, f := range it.More {
		w.add(f.bytes)
	}
}

func (w *gather) compressed(f *Frame) {
	if w.err == nil {
		w.err = w.c.writeCompressed(f)
	}
}

func (w *gather) add(p []byte) {
	if len(w.buf)+len(p) > writeChunk {
		w.flush()
	}
	if len(p) <= gatherSize {
		w.buf = append(w.buf, p...)
		return
	}
	w.flush()
	if w.err == nil {
		w.err = w.c.wire.writeFrame(p)
	}
}

func (w *gather) flush() {
	if len(w.buf) > 0 && w.err == nil {
		var before int64
		if w.pinged { // the answer may come before the write returns, and takes the stamp away
			before = w.c.cfg.Group.Clock.Now()
			w.c.wire.pingedAt.Store(before)
		}
		w.err = w.c.wire.writeFrame(w.buf)
		if w.pinged {
			w.c.wire.pingedAt.CompareAndSwap(before, w.c.cfg.Group.Clock.Now())
			w.pinged = false
		}
	}
	w.buf = w.buf[:0]
}

// writeFailed lets the reader take what the client sent before it left, for a moment.
func (c *Conn) writeFailed() {
	c.writeError.Store(true)
	_ = c.wire.SetReadDeadline(time.Now().Add(min(c.cfg.Limits.CloseTimeout, farewellTime)))
}

func (c *Conn) logPanic(v any) {
	c.cfg.Logger.Error("a connection panicked", "client", c.id, "panic", v, "stack", string(debug.Stack()))
}

// Fail ends the connection after a panic in code that belongs to it.
func (c *Conn) Fail(v any) {
	c.logPanic(v)
	c.Leave(InternalReason, Farewell)
}

// PolicyOf returns the queue's policy for a message.
func PolicyOf(out *websockets.Outgoing) outbox.Policy {
	if out.Volatile {
		return outbox.Volatile
	}
	if out.Overflow == websockets.OverflowClose && out.Answer {
		return outbox.Always
	}
	switch out.Overflow {
	case websockets.OverflowDropNewest:
		return outbox.DropNewest
	case websockets.OverflowDropOldest:
		return outbox.DropOldest
	default:
		return outbox.Refuse
	}
}

// Hold keeps everything else from being written, until the release: as a client
// does that takes no data. For tests.
func (c *Conn) Hold() (release func()) {
	if c.wire.acquire() != nil {
		return func() {}
	}
	return c.wire.release
}
