package wsconn

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/sockio"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// How much one write passes to the kernel. Each write that returns is progress of the
// client; where the kernel reports how much has arrived, see [progress], it may be larger.
const (
	writeChunk = 64 << 10
	smallChunk = 8 << 10
)

// framedConn is the net.Conn below the WebSocket library and below Conn. All bytes pass
// through it: incoming ones through a validator, outgoing ones one frame at a time,
// from the library as from Conn.
type framedConn struct {
	net.Conn
	*reading // nil while the connection is parked
	clock    *Clock

	// Stamps of the clock for the timeouts, 0 for "no".
	readingSince atomic.Int64 // the reader waits for the network
	heardAt      atomic.Int64 // the last bytes came in
	partialSince atomic.Int64 // a frame or message is half received
	pingedAt     atomic.Int64 // a ping went out and nothing was received since
	writingSince atomic.Int64 // a write waits for the network

	tryWriter sockio.Writer // nil when the connection is no socket itself: writes may block

	mu        sync.Mutex
	free      *sync.Cond     // of mu: busy has become false, or closed true; nil until a writer waits
	library   *libraryWrites // nil until the library writes
	closeSent atomic.Bool    // set with mu held; the reader loads it without: a message may arrive just before or after
	writable
	deflate bool // compression was negotiated
}

// writable is whether a frame can be written; guarded by framedConn.mu.
type writable struct {
	busy   bool // a frame, or a fragmented message of the library, is being written
	closed bool // nothing is
}

// reading is what the reading goroutine needs. A parked connection has none.
type reading struct {
	reader    sockio.Reader     // nil without tryWriter: then reads wait with a buffer in hand
	ahead     []byte            // read but not yet consumed; by net/http, or in block or buf
	block     *sockio.Block     // of reader; nil while nothing is ahead
	buf       *[readBuffer]byte // without reader
	validator rfc6455.Validator
	whole     whole        // what the library may read
	part      partial      // the first part of a message that comes in pieces
	messages  int          // that have been read
	err       error        // why reading has ended: a *ProtocolError, a *CloseError, or of the network
	work      adapter.Work // that messages have brought and that is not run yet; nil without any
	readAt    int64        // stamp of the end of the last read from the network
	slot      turnSlot     // from the first turn on
}

// libraryWrites follows what the library writes, which it does one at a time.
type libraryWrites struct {
	owner   bool           // it has acquired the connection
	header  rfc6455.Header // of the frame under way
	rest    uint64         // bytes of the payload that are still to come
	partial bool           // more frames of the message follow
}

// open makes w the connection above nc. ahead was read of it already.
func (w *framedConn) open(nc net.Conn, clock *Clock, v rfc6455.Validator, ahead []byte) {
	w.Conn, w.clock, w.deflate = nc, clock, v.Deflate
	w.reading = newReading(nc, v)
	w.ahead = ahead
	w.tryWriter = sockio.NewWriter(nc)
	w.heardAt.Store(clock.Coarse())
}

// readingPool has *reading without a connection: those of readers that are woken by heartbeats live shortly.
var readingPool = sync.Pool{New: func() any { return new(reading) }}

func newReading(nc net.Conn, v rfc6455.Validator) *reading {
	r := readingPool.Get().(*reading)
	*r = reading{reader: sockio.NewReader(nc), validator: v}
	return r
}

// stopReading drops what only a reader needs.
func (w *framedConn) stopReading() {
	if w.reader != nil {
		w.reader.Free()
	}
	*w.reading = reading{}
	readingPool.Put(w.reading)
	w.reading = nil
}

// errEnded replaces io.EOF and io.ErrUnexpectedEOF for the library, which would take an
// unfinished message for a whole one.
var errEnded = errors.New("websocket: the connection has ended")

// libraryError returns w.err for the library.
func (w *framedConn) libraryError() error {
	if errors.Is(w.err, io.EOF) || errors.Is(w.err, io.ErrUnexpectedEOF) {
		return errEnded
	}
	return w.err
}

// readAhead reads as much as there is into a block: one system call for a burst of
// messages.
func (w *framedConn) readAhead() error {
	n, err := w.receive(func() (n int, err error) {
		w.block, n, err = w.reader.Read()
		return n, err
	})
	if n > 0 {
		w.ahead = w.block[:n]
	}
	return err
}

// fill waits for bytes and reads them ahead. Nothing is ahead when it is called.
func (w *framedConn) fill() error {
	if w.err != nil {
		return w.err
	}
	var err error
	if w.tryWriter != nil {
		err = w.readAhead()
	} else {
		if w.buf == nil {
			w.buf = new([readBuffer]byte)
		}
		var n int
		n, err = w.receive(func() (int, error) { return w.Conn.Read(w.buf[:]) })
		w.ahead = w.buf[:n]
	}
	w.err = err
	if len(w.ahead) > 0 { // w.err is returned by the next call
		return nil
	}
	return err
}

// nextWhole returns where the payload of the next frame starts and ends, if it is a
// message and completely ahead; 0 otherwise. Nothing must be half received.
func (w *framedConn) nextWhole() (start, end int) {
	return rfc6455.WholeMessage(w.ahead, w.validator.MaxMessage)
}

// wholeMessage returns the next message if it is one frame that is completely ahead, and
// the size of that frame; 0 otherwise. Nothing must be half received.
func (w *framedConn) wholeMessage() (text bool, msg []byte, size int) {
	start, end := w.nextWhole()
	if end == 0 {
		return false, nil, 0
	}
	msg = w.ahead[start:end:end]
	rfc6455.Unmask(msg, [4]byte(w.ahead[start-4:]), 0)
	w.validator.CountMessage()
	return w.ahead[0] == rfc6455.Fin|rfc6455.OpText, msg, end
}

// advance consumes n bytes that were read ahead.
func (w *framedConn) advance(n int) {
	if w.ahead = w.ahead[n:]; len(w.ahead) == 0 {
		w.freeAhead()
	}
}

// consumedAll reports whether n messages are all that have been read, and nothing is ahead.
func (w *framedConn) consumedAll(n int) bool {
	return len(w.ahead) == 0 && w.validator.Messages() == n
}

// freeAhead frees the block.
func (w *framedConn) freeAhead() {
	w.ahead = nil
	if w.block != nil {
		w.block.Free()
		w.block = nil
	}
}

// addWork keeps the work of a message until it is run. Work of another session is started:
// the reader runs that of one at a time.
func (w *framedConn) addWork(work adapter.Work) {
	if work == nil {
		return
	}
	if w.work != nil && w.work != work {
		w.work.Start()
	}
	w.work = work
}

func (w *framedConn) takeWork() adapter.Work {
	work := w.work
	w.work = nil
	return work
}

// receive reads from the network. The time between two calls, when the server does
// something else, does not count against a half received message.
func (w *framedConn) receive(read func() (int, error)) (int, error) {
	if work := w.takeWork(); work != nil { // the next message is not complete, and may take long
		work.Start()
	}
	now := w.clock.Coarse()
	if since := w.partialSince.Load(); since != 0 && w.readAt != 0 {
		w.partialSince.Store(since + now - w.readAt)
	}
	w.readingSince.Store(now)
	n, err := read()
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) { // of [Conn.checkPark]: it waits on, or has ended
		return 0, err
	}
	now = w.clock.Coarse()
	w.readingSince.Store(0)
	w.readAt = now
	if n > 0 {
		w.heardAt.Store(now)
		if w.pingedAt.Load() != 0 {
			w.pingedAt.Store(0)
		}
	}
	return n, err
}

// stampPartial updates partialSince. It is called after each piece of a frame.
func (w *framedConn) stampPartial() {
	switch was := w.partialSince.Load(); {
	case w.validator.AtRest():
		if was != 0 {
			w.partialSince.Store(0)
		}
	case was == 0:
		w.partialSince.Store(w.clock.Coarse())
	}
}

// Write is for the library: control frames, compressed messages, and what applications
// send through its connection. A frame may be written in pieces and a message in several
// frames; no other frame is written in between.
func (w *framedConn) Write(p []byte) (int, error) {
	if w.library == nil {
		w.library = new(libraryWrites)
	}
	if !w.library.owner {
		if err := w.acquire(); err != nil {
			return 0, err
		}
		w.library.owner = true
	}
	n, err := w.send(p)
	if err != nil || w.atMessageEnd(p) {
		w.library.owner = false
		w.release()
	}
	return n, err
}

// atMessageEnd follows the library's frames through p and reports whether the last
// message is complete.
func (w *framedConn) atMessageEnd(p []byte) bool {
	l := w.library
	for len(p) > 0 {
		if l.rest > 0 {
			n := min(l.rest, uint64(len(p)))
			l.rest -= n
			p = p[n:]
		} else {
			done := l.header.Add(p[0])
			p = p[1:]
			if !done {
				continue
			}
			l.rest = l.header.Length()
			if l.header.Opcode() == rfc6455.OpClose {
				w.mu.Lock()
				w.closeSent.Store(true)
				w.mu.Unlock()
			}
			if !l.header.Control() {
				l.partial = !l.header.Fin()
			}
			l.header.Reset()
		}
	}
	return l.rest == 0 && l.header.Empty() && !l.partial
}

// writeFrame writes whole frames. It waits for its turn and for the network.
func (w *framedConn) writeFrame(p []byte) error {
	if err := w.acquire(); err != nil {
		return err
	}
	defer w.release()
	_, err := w.send(p)
	return err
}

// tryWriteFrame writes as much of a whole frame as is possible without blocking, and
// returns how much. After a part of it the caller owns the connection: it must send the
// rest and call release.
func (w *framedConn) tryWriteFrame(p []byte) int {
	w.mu.Lock()
	if w.busy || w.closed || w.closeSent.Load() {
		w.mu.Unlock()
		return 0
	}
	w.busy = true
	w.mu.Unlock()
	n := w.tryWriter.TryWrite(p)
	if n == 0 || n == len(p) {
		w.release()
	}
	return n
}

// writeClose writes the close frame. Afterwards every write fails with net.ErrClosed.
func (w *framedConn) writeClose(p []byte) error {
	if err := w.acquire(); err != nil {
		return err
	}
	defer w.release()
	w.mu.Lock()
	w.closeSent.Store(true)
	w.mu.Unlock()
	_, err := w.send(p)
	return err
}

// tryWriteClose starts writeClose as far as it does not block. It returns false when that is not
// possible. With a rest, the caller owns the connection: it must send the rest and call release.
func (w *framedConn) tryWriteClose(p []byte) (rest []byte, ok bool) {
	if w.tryWriter == nil {
		return p, false
	}
	w.mu.Lock()
	if w.busy || w.closed || w.closeSent.Load() {
		w.mu.Unlock()
		return p, false
	}
	w.busy = true
	w.closeSent.Store(true)
	w.mu.Unlock()
	if rest = p[w.tryWriter.TryWrite(p):]; len(rest) == 0 {
		w.release()
	}
	return rest, true
}

// send writes p; the caller owns the connection.
func (w *framedConn) send(p []byte) (n int, err error) {
	defer w.writingSince.Store(0)
	chunk := smallChunk
	if len(p) > smallChunk {
		chunk = chunkOf(w.Conn)
	}
	for n < len(p) && err == nil {
		w.writingSince.Store(w.clock.Coarse())
		var k int
		k, err = w.Conn.Write(p[n:min(len(p), n+chunk)])
		n += k
	}
	return n, err
}

// acquire waits until no frame is being written, and makes the caller the owner of the
// connection until release. It fails with net.ErrClosed after the close frame.
func (w *framedConn) acquire() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy && !w.closed {
		if w.free == nil {
			w.free = sync.NewCond(&w.mu)
		}
		w.free.Wait()
	}
	if w.closed || w.closeSent.Load() {
		return net.ErrClosed
	}
	w.busy = true
	return nil
}

func (w *framedConn) release() {
	w.mu.Lock()
	w.busy = false
	last, free := w.closeSent.Load(), w.free
	w.mu.Unlock()
	switch {
	case free == nil:
	case last:
		free.Broadcast() // they all fail now: none would signal the next
	default:
		free.Signal()
	}
}

// Close closes the socket. It is safe for concurrent use and does not block: closing
// TLS could take up to 5 s for its own close message, see [framedConn.closeWrite].
func (w *framedConn) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	stuck, free := w.busy, w.free
	w.mu.Unlock()
	if free != nil {
		free.Broadcast()
	}
	nc := w.Conn
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	if t, ok := nc.(interface{ SetLinger(sec int) error }); ok && stuck {
		_ = t.SetLinger(0) // or the kernel would keep megabytes for a client that does not read
	}
	return nc.Close()
}

// closeWrite closes the sending side where the connection has sides. On TLS it
// reports to the client that nothing is missing.
func (w *framedConn) closeWrite() bool {
	half, ok := w.Conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// linger closes the sending side and discards what still arrives: the kernel would
// answer it with a reset that could overtake the close frame. For the reading goroutine.
func (w *framedConn) linger(d time.Duration) {
	if !w.closeWrite() {
		return
	}
	const most = 16 << 20
	_ = w.Conn.SetReadDeadline(time.Now().Add(d))
	_, _ = io.CopyN(io.Discard, w.Conn, most)
}
