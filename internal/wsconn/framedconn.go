package wsconn

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/sockio"
)

// How much is given to the kernel at once. Each write is progress of the client; where
// the kernel tells how much of it has arrived, see [progress], it may be larger.
const (
	writeChunk = 64 << 10
	smallChunk = 8 << 10
)

// wire is the net.Conn below the websocket library. All bytes pass here:
// incoming ones through an inspector, outgoing ones one frame at a time,
// whether they come from the library or from the connection itself.
type wire struct {
	net.Conn
	clock *Clock

	// Of the reading goroutine.
	ahead     []byte // what has been read already, by net/http or into block or small
	block     *sockio.Block
	small     []byte        // where there is no direct
	direct    sockio.Reader // nil: reads wait with a buffer in hand
	now       sockio.Writer // nil: writes may block
	chunk     int           // how much is given to the kernel at once
	validator rfc6455.Validator
	err       error  // why reading has ended: *violation, *goodbye, or of the network
	due       bool   // the handler has put off something
	begin     func() // has that done by others
	leftAt    int64  // when the last read from the network returned

	// Stamps of the clock for the heartbeat, 0 for "no".
	readingSince atomic.Int64 // the reader waits for the network
	heardAt      atomic.Int64 // bytes came in
	partialSince atomic.Int64 // a frame or message is half received
	pingedAt     atomic.Int64 // a ping went out and nothing came in since
	writingSince atomic.Int64 // a write waits for the network

	mu        sync.Mutex
	free      sync.Cond // of mu: busy has become false, or closed true
	busy      bool      // a frame, or a fragmented message of the library, is being written
	closeSent bool
	closed    bool

	// Of the library's writes, which it does one at a time.
	held    bool
	out     rfc6455.Header
	outRest uint64
	outPart bool
}

func newWire(nc net.Conn, clock *Clock, v rfc6455.Validator, ahead []byte) *wire {
	w := &wire{Conn: nc, clock: clock, validator: v, ahead: ahead}
	w.free.L = &w.mu
	w.direct = sockio.NewReader(nc)
	w.now = sockio.NewWriter(nc)
	w.chunk = chunkOf(nc)
	w.heardAt.Store(clock.Coarse())
	return w
}

// errCut is an end of the connection as the library is told of it: after io.EOF and
// io.ErrUnexpectedEOF it would take a message that is not finished for a whole one.
var errCut = errors.New("websocket: the connection has ended")

// ended is what the library is told of w.err.
func (w *wire) ended() error {
	if errors.Is(w.err, io.EOF) || errors.Is(w.err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return w.err
}

// Read gives the library what the inspector lets pass.
func (w *wire) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.ended()
	}
	if len(p) == 0 {
		return 0, nil
	}
	var n int
	var err error
	if len(w.ahead) == 0 && w.direct != nil && len(p) < sockio.BlockSize {
		err = w.readAhead()
	}
	switch {
	case err != nil:
	case len(w.ahead) > 0:
		n = copy(p, w.ahead)
		w.advance(n)
	default:
		n, err = w.receive(func() (int, error) { return w.Conn.Read(p) })
	}
	if n > 0 {
		pass, crossed, feedErr := w.validator.Feed(p[:n])
		w.stampPartial(crossed)
		if feedErr != nil {
			w.err = feedErr
			if pass > 0 {
				return pass, nil
			}
			return 0, feedErr
		}
	}
	if err != nil {
		w.err = err
		return n, w.ended()
	}
	return n, nil
}

// readAhead reads as much as there is into a block, so that a burst of messages
// costs one system call.
func (w *wire) readAhead() error {
	n, err := w.receive(func() (n int, err error) {
		w.block, n, err = w.direct.Read()
		return n, err
	})
	if n > 0 {
		w.ahead = w.block[:n]
	}
	return err
}

// fill reads what there is, which is nothing yet.
func (w *wire) fill() error {
	if w.err != nil {
		return w.err
	}
	var err error
	if w.direct != nil {
		err = w.readAhead()
	} else {
		if w.small == nil {
			w.small = make([]byte, readBuffer)
		}
		var n int
		n, err = w.receive(func() (int, error) { return w.Conn.Read(w.small) })
		w.ahead = w.small[:n]
	}
	w.err = err
	if len(w.ahead) > 0 { // the error can wait
		return nil
	}
	return err
}

// frame gives where the payload of the frame that comes next begins and where it ends,
// if it is a message and there as a whole; 0 otherwise. Nothing must be half received.
func (w *wire) frame() (start, end int) {
	return rfc6455.WholeMessage(w.ahead, w.validator.MaxMessage)
}

// whole gives the message that comes next if it is there as one whole frame, and how
// many bytes that has; 0 otherwise. Nothing must be half received.
func (w *wire) whole() (text bool, msg []byte, size int) {
	start, end := w.frame()
	if end == 0 {
		return false, nil, 0
	}
	msg = w.ahead[start:end:end]
	rfc6455.Unmask(msg, [4]byte(w.ahead[start-4:]), 0)
	w.validator.CountMessage()
	return w.ahead[0] == rfc6455.Fin|rfc6455.OpText, msg, end
}

// advance forgets n bytes that have been read.
func (w *wire) advance(n int) {
	if w.ahead = w.ahead[n:]; len(w.ahead) == 0 {
		w.drained()
	}
}

// drainedUpTo tells that no more than n messages are there, and none half received.
func (w *wire) drainedUpTo(n int) bool {
	return len(w.ahead) == 0 && w.validator.Messages() == n
}

// drained gives the block back.
func (w *wire) drained() {
	w.ahead = nil
	if w.block != nil {
		w.block.Free()
		w.block = nil
	}
}

// receive reads from the network. The time between two calls, in which the
// server did something else, does not count for a half received message.
func (w *wire) receive(read func() (int, error)) (int, error) {
	if w.due { // the next message is not complete, and may be long in coming
		w.due = false
		w.begin()
	}
	now := w.clock.Coarse()
	if since := w.partialSince.Load(); since != 0 && w.leftAt != 0 {
		w.partialSince.Store(since + now - w.leftAt)
	}
	w.readingSince.Store(now)
	n, err := read()
	now = w.clock.Coarse()
	w.readingSince.Store(0)
	w.leftAt = now
	if n > 0 {
		w.heardAt.Store(now)
		if w.pingedAt.Load() != 0 {
			w.pingedAt.Store(0)
		}
	}
	return n, err
}

func (w *wire) stampPartial(crossed bool) {
	switch was := w.partialSince.Load(); {
	case w.validator.AtRest():
		if was != 0 {
			w.partialSince.Store(0)
		}
	case was == 0 || crossed:
		w.partialSince.Store(w.clock.Coarse())
	}
}

// Write takes what the library writes: control frames, compressed messages, and
// whatever users of [ConnOf] send. A frame may come in pieces and a message in
// frames; the wire belongs to them until the last.
func (w *wire) Write(p []byte) (int, error) {
	if !w.held {
		if err := w.acquire(); err != nil {
			return 0, err
		}
		w.held = true
	}
	n, err := w.send(p)
	if err != nil || w.followOut(p) {
		w.held = false
		w.release()
	}
	return n, err
}

// followOut follows the library's frames and tells whether the last is complete.
func (w *wire) followOut(p []byte) bool {
	for len(p) > 0 {
		if w.outRest > 0 {
			n := min(w.outRest, uint64(len(p)))
			w.outRest -= n
			p = p[n:]
		} else {
			done := w.out.Add(p[0])
			p = p[1:]
			if !done {
				continue
			}
			w.outRest = w.out.Length()
			if w.out.Opcode() == rfc6455.OpClose {
				w.mu.Lock()
				w.closeSent = true
				w.mu.Unlock()
			}
			if !w.out.Control() {
				w.outPart = !w.out.Fin()
			}
			w.out.Reset()
		}
	}
	return w.outRest == 0 && w.out.Empty() && !w.outPart
}

// writeFrame writes whole frames. It waits for its turn and for the network.
func (w *wire) writeFrame(p []byte) error {
	if err := w.acquire(); err != nil {
		return err
	}
	defer w.release()
	_, err := w.send(p)
	return err
}

// tryFrame writes a whole frame as far as that is possible without blocking, and
// gives how much. When that is some and not all, the wire is the caller's: the rest
// and release have to follow.
func (w *wire) tryFrame(p []byte) int {
	w.mu.Lock()
	if w.busy || w.closed || w.closeSent {
		w.mu.Unlock()
		return 0
	}
	w.busy = true
	w.mu.Unlock()
	n := w.now.TryWrite(p)
	if n == 0 || n == len(p) {
		w.release()
	}
	return n
}

// writeClose writes the close frame, after which nothing else goes out. Only the first counts.
func (w *wire) writeClose(p []byte) error {
	if err := w.acquire(); err != nil {
		return err
	}
	defer w.release()
	w.mu.Lock()
	w.closeSent = true
	w.mu.Unlock()
	_, err := w.send(p)
	return err
}

func (w *wire) send(p []byte) (n int, err error) {
	defer w.writingSince.Store(0)
	for n < len(p) && err == nil {
		w.writingSince.Store(w.clock.Coarse())
		var k int
		k, err = w.Conn.Write(p[n:min(len(p), n+w.chunk)])
		n += k
	}
	return n, err
}

// acquire waits until the wire is at the end of a frame.
func (w *wire) acquire() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy && !w.closed {
		w.free.Wait()
	}
	if w.closed || w.closeSent {
		return net.ErrClosed
	}
	w.busy = true
	return nil
}

func (w *wire) release() {
	w.mu.Lock()
	w.busy = false
	last := w.closeSent
	w.mu.Unlock()
	if last {
		w.free.Broadcast() // nobody will take a turn and pass it on
	} else {
		w.free.Signal()
	}
}

// saidGoodbye tells whether a close frame has gone out.
func (w *wire) saidGoodbye() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closeSent
}

// Close cuts the connection. It may be called at any time, by anybody, and does
// not block: TLS would spend up to 5 s on its own goodbye, see [wire.endWrites].
func (w *wire) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	stuck := w.busy
	w.mu.Unlock()
	w.free.Broadcast()
	nc := w.Conn
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	if t, ok := nc.(interface{ SetLinger(sec int) error }); ok && stuck {
		_ = t.SetLinger(0) // or the kernel would keep megabytes for a client that does not read
	}
	return nc.Close()
}

// endWrites ends the sending side where the connection has sides; on TLS it
// tells the client that nothing has been cut off.
func (w *wire) endWrites() bool {
	half, ok := w.Conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// linger ends the sending side and throws away what still comes, so that the
// kernel does not answer it with a reset that overtakes the close frame. Of the
// reading goroutine.
func (w *wire) linger(d time.Duration) {
	if !w.endWrites() {
		return
	}
	const most = 16 << 20
	_ = w.Conn.SetReadDeadline(time.Now().Add(d))
	buf := getBuffer()
	defer putBuffer(buf)
	_, _ = io.CopyBuffer(io.Discard, onlyReader{io.LimitReader(w.Conn, most)}, (*buf)[:cap(*buf)])
}

// onlyReader hides WriterTo, which would bring its own buffer.
type onlyReader struct{ io.Reader }
