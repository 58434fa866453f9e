// Package wsconn is one WebSocket connection, for every platform: the handshake, limits
// and checks that the WebSocket library does not have, prepared frames, batched writes,
// timeouts and the close handshake. It knows nothing about the content of messages.
package wsconn

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Config is what the connections of one server share.
type Config struct {
	Limits websockets.Limits
	// MaxFragments is how many frames a message may have, MessageTimeout how long it may
	// take from its first byte to its last; 0 or less for no limit.
	MaxFragments   int
	MessageTimeout time.Duration
	// Subprotocols that the server speaks, the preferred one first. AnySubprotocol
	// accepts the first that the client offers.
	Subprotocols   []string
	AnySubprotocol bool
	Compression    Compression
	// Heartbeat sends pings, RFC 6455 §5.5.2, to clients that send nothing.
	Heartbeat bool
	// ParkUnread parks connections before their first message, if many wait for it: clients may be silent from the start.
	ParkUnread bool
	Group      *Group
	Logger     *slog.Logger
}

// Shortest returns the shortest timeout that connections check, for [NewGroup].
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

// Handler receives what a client sends.
type Handler interface {
	// Message handles one message on the reading goroutine and returns the work that it
	// brought, or nil; while it blocks, nothing is read. msg is valid until it returns. An
	// error ends the connection: a *ViolationError with its code and cause, any other as an
	// internal error.
	Message(text bool, msg []byte) (adapter.Work, error)
	// Stalled returns for how long Message has been blocked during which no message of
	// the client was started; 0 while it is not blocked.
	Stalled() time.Duration
	// Ended is called once, when the connection has ended.
	Ended(r websockets.Reason)
}

// Conn is one connection. Serve is its reading goroutine; what is to be sent waits in
// the queue passed to Attach. Exported methods are safe for concurrent use unless they
// say otherwise.
type Conn struct {
	cfg    *Config
	id     string                         // for logs
	lib    atomic.Pointer[websocket.Conn] // nil until it is needed, see Native
	framed *framedConn
	out    atomic.Pointer[outbox.Queue[Item]]

	park   parking
	turn   atomic.Uint64 // see watchdog
	serial uint32        // of the connections of its group

	subprotocol string

	queued     queuedControls
	writeError atomic.Bool
	unread     atomic.Bool // it counts for mostUnread

	readerState

	// Of the sweeper.
	progress *progress // nil until it is needed
	goneAt   int64     // when it first saw that the client has gone; 0 for not yet
	pingAt   int64     // when it last sent a ping to a client whose reader is blocked

	mu          sync.Mutex
	phase       phase
	readerEnded bool
	handler     Handler
	done        func()             // of Serve
	reason      *websockets.Reason // why it has ended, or ends; nil while it is open
	closeDone   chan struct{}      // closed when finishClose has returned; nil without one
	readerDone  chan struct{}      // closed when the reader has ended; nil until finishClose waits for it
}

// readerState is, beside reading, what belongs to the reading goroutine.
type readerState struct {
	slowLeft     uint8 // how many messages are still handed to other goroutines, see slowFor
	stackGrown   bool  // see growStack
	libraryReads bool  // the library reads, and may have read ahead
	waited       bool  // for the network, until the sweeper has ended that
}

// allocation is a Conn and what it always has.
type allocation struct {
	conn   Conn
	framed framedConn
}

// phase is how far a connection has ended.
type phase uint8

const (
	phaseOpen    phase = iota
	phaseClosing       // reason is final
	phaseEnded         // Handler.Ended was called, or will be
)

// Item is one entry of the send queue: a message, possibly of several frames with nothing
// between them, or a control frame that is built when it is sent.
type Item struct {
	Frame *Frame
	More  []*Frame
	// Plain disables compression.
	Plain bool
	// Once is set when Frame is of OnceFrame: it is freed when it has been sent.
	Once bool
	kind kind
}

// Size returns the number of bytes on the wire.
func (it Item) Size() int {
	n := len(it.Frame.bytes)
	for _, f := range it.More {
		n += len(f.bytes)
	}
	return n
}

// What an item holds besides its bytes: an entry of the queue, and a Frame.
var (
	entrySize = outbox.EntrySize[Item]()
	frameSize = int(reflect.TypeFor[Frame]().Size())
)

// Charge returns how many bytes of memory the item holds while it waits, for
// [outbox.Queue.Push]. Frames that many connections share count by their bytes, those
// of a single one by their buffers.
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

// Held returns how many bytes of memory the frames of an item hold that is not [Item.Once],
// for those who keep it after it was sent.
func (it Item) Held() int {
	n := frameSize + HeaderRoom + cap(it.Frame.bytes)
	for _, f := range it.More {
		n += ptrSize + frameSize + HeaderRoom + cap(f.bytes)
	}
	return n
}

const ptrSize = 8

// FreeAll frees the frames of items that have been sent.
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

// Attach sets the send queue, whose writer must be [Conn.Write]. The connection closes
// the queue when it ends. Attach returns false when the connection is closing.
func (c *Conn) Attach(q *outbox.Queue[Item]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != phaseOpen {
		return false
	}
	c.out.Store(q)
	if c.framed.tryWriter != nil {
		q.Direct(c.tryWrite, c.tryWriteAll)
	}
	return true
}

// Subprotocol returns the one that was selected, in the client's spelling; empty without one.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Reading reports whether the reader waits for the network rather than for a handler.
func (c *Conn) Reading() bool { return c.framed.readingSince.Load() != 0 }

// Receiving reports whether a message is half received.
func (c *Conn) Receiving() bool { return c.framed.partialSince.Load() != 0 }

// WriteNow writes one frame and blocks meanwhile. Only for a connection without a queue.
func (c *Conn) WriteNow(f *Frame) error { return c.framed.writeFrame(f.bytes) }

// Frames up to this size are copied into one write; larger ones are written on their own.
const gatherSize = 16 << 10

// Write sends items, and blocks meanwhile. It is the writer of the connection's queue.
func (c *Conn) Write(items []Item) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.Fail(v)
			err = fmt.Errorf("websocket: write panicked: %v", v)
		}
		if err != nil {
			c.writeFailed()
		}
	}()
	defer func() {
		if err == nil { // otherwise they may still be in use
			FreeAll(items)
		}
	}()
	if len(items) == 1 && items[0].More == nil && items[0].kind == kindMessage {
		p, ok := c.onWire(items[0], items[0].Frame)
		if !ok {
			return c.writeCompressed(items[0].Frame)
		}
		return c.framed.writeFrame(p)
	}
	b := getSized(min(c.copied(items), writeChunk))
	defer putSized(b)
	w := gather{c: c, buf: *b}
	for _, it := range items {
		switch it.kind {
		case kindPing:
			w.pinged = true
			w.add(c.takePing())
		case kindPong:
			w.add(c.takePong())
		default:
			w.message(it)
		}
	}
	w.flush()
	return w.err
}

// copied returns how many bytes of the items [gather] copies, at most.
func (c *Conn) copied(items []Item) (n int) {
	add := func(it Item, f *Frame) {
		if p, ok := c.onWire(it, f); ok {
			n += min(len(p), gatherSize)
		}
	}
	for _, it := range items {
		if it.kind != kindMessage {
			n += rfc6455.MaxHeader + rfc6455.MaxControl
			continue
		}
		add(it, it.Frame)
		for _, f := range it.More {
			add(it, f)
		}
	}
	return n
}

// small returns the bytes of an item that is one frame which may be copied, and for which the library is not needed.
func (c *Conn) small(it Item) (p []byte, ok bool) {
	if it.kind != kindMessage || it.More != nil || len(it.Frame.bytes) > gatherSize {
		return nil, false
	}
	return c.onWire(it, it.Frame)
}

// tryWriteAll sends messages in one write, as tryWrite does it with one.
func (c *Conn) tryWriteAll(items []Item) bool {
	if len(items) == 1 {
		return c.tryWrite(items[0])
	}
	size := 0
	for _, it := range items {
		p, ok := c.small(it)
		if size += len(p); !ok || size > writeChunk {
			return false
		}
	}
	b := getSized(size)
	defer putSized(b)
	p := *b
	for _, it := range items {
		frame, _ := c.small(it)
		p = append(p, frame...)
	}
	n := c.framed.tryWriteFrame(p)
	if n == 0 {
		return false
	}
	if n < len(p) {
		go c.writeRest(Item{}, bytes.Clone(p[n:]))
	}
	FreeAll(items)
	return true
}

// tryWrite sends a message if that is possible without blocking, so that no goroutine
// has to be started for it. It returns false when nothing was sent.
func (c *Conn) tryWrite(it Item) bool {
	if it.kind == kindPing {
		return c.tryWritePing()
	}
	p, ok := c.small(it)
	if !ok {
		return false
	}
	n := c.framed.tryWriteFrame(p)
	switch {
	case n == 0:
		return false
	case n < len(p):
		go c.writeRest(it, p[n:])
	case it.Once:
		it.Frame.Free()
	}
	return true
}

// tryWritePing is tryWrite for the queued ping.
func (c *Conn) tryWritePing() bool {
	w, clock := c.framed, &c.cfg.Group.Clock
	before := clock.Now() // the pong may arrive before the write returns, and clear the stamp
	w.pingedAt.Store(before)
	p := c.takePing()
	n := w.tryWriteFrame(p)
	if n == 0 {
		c.queued.ping.Store(true)
		w.pingedAt.CompareAndSwap(before, 0)
		return false
	}
	if n < len(p) {
		go c.writeRest(Item{}, p[n:])
	}
	w.pingedAt.CompareAndSwap(before, clock.Now())
	return true
}

// writeRest sends what tryWrite could not.
func (c *Conn) writeRest(it Item, rest []byte) {
	_, err := c.framed.send(rest)
	c.framed.release()
	if err != nil {
		c.writeFailed()
	} else if it.Once {
		it.Frame.Free()
	}
}

func (c *Conn) writeCompressed(f *Frame) error {
	return c.lib.Load().Write(context.Background(), websocket.MessageType(f.op), f.Payload())
}

// gather joins frames so that a burst takes few writes.
type gather struct {
	c      *Conn
	buf    []byte // with room for what is copied, up to writeChunk
	pinged bool   // a ping is in buf
	err    error
}

func (w *gather) message(it Item) {
	w.frame(it, it.Frame)
	for _, f := range it.More {
		w.frame(it, f)
	}
}

func (w *gather) frame(it Item, f *Frame) {
	if p, ok := w.c.onWire(it, f); ok {
		w.add(p)
		return
	}
	w.flush()
	w.compressed(f)
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
		w.err = w.c.framed.writeFrame(p)
	}
}

func (w *gather) flush() {
	if len(w.buf) > 0 && w.err == nil {
		var before int64
		if w.pinged { // the pong may arrive before the write returns, and clear the stamp
			before = w.c.cfg.Group.Clock.Now()
			w.c.framed.pingedAt.Store(before)
		}
		w.err = w.c.framed.writeFrame(w.buf)
		if w.pinged {
			w.c.framed.pingedAt.CompareAndSwap(before, w.c.cfg.Group.Clock.Now())
			w.pinged = false
		}
	}
	w.buf = w.buf[:0]
}

// writeFailed leaves the reader a moment to read what the client sent before it left.
func (c *Conn) writeFailed() {
	limit := min(c.cfg.Limits.CloseTimeout, closeHandshakeTime)
	c.mu.Lock()
	c.writeError.Store(true)
	c.park.readBy = c.cfg.Group.Clock.Now() + int64(limit)
	c.endRead()
	c.mu.Unlock()
	c.wake()
}

func (c *Conn) logPanic(v any) {
	c.cfg.Logger.Error("a connection panicked", append([]any{"client", c.id}, recovered.New(v).Attrs()...)...)
}

// Fail closes the connection after a panic in the code that it runs.
func (c *Conn) Fail(v any) {
	c.logPanic(v)
	c.Close(InternalReason, CloseHandshake)
}

// PolicyOf returns the queue's policy for a message.
func PolicyOf(out *adapter.Outgoing) outbox.Policy {
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
