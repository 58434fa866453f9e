package cluster

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"runtime"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// maxWaiting is how many bytes may wait for a worker, and the longest frame.
const maxWaiting = 16 << 20

// frameSize is the memory of a waiting frame beside its bytes, about.
const frameSize = 128

// inbound is what the engine calls.
type inbound struct{ c *Cluster }

var _ backplane.Inbound = inbound{}

// inbound returns what the engine calls.
func (c *Cluster) inbound() backplane.Inbound {
	if c.entries != nil {
		return logInbound{inbound{c}, c.entries}
	}
	return inbound{c}
}

// ReceiveFrame implements [backplane.Inbound].
func (in inbound) ReceiveFrame(channel string, frame []byte) bool {
	c := in.c
	id := envelope.OriginOf(frame)
	if id == nil {
		c.invalid(envelope.ErrInvalid)
		return true
	}
	c.counts.receivedBytes.Add(uint64(len(frame)))
	if len(frame) > maxWaiting {
		c.invalid(fmt.Errorf("frame of %d bytes: %w of %d", len(frame), envelope.ErrLimit, maxWaiting))
		return true
	}
	w := c.in[binary.BigEndian.Uint64(id)%uint64(len(c.in))]
	if !w.push(received{channel: channel, frame: frame, size: len(frame) + frameSize}) {
		c.counts.overrun.Add(1)
		return false
	}
	return true
}

var originSeed = maphash.MakeSeed()

// Receive implements [backplane.Inbound].
func (in inbound) Receive(batch []*backplane.Message) (dropped int) {
	for _, m := range batch {
		w := in.c.in[maphash.String(originSeed, m.Origin)%uint64(len(in.c.in))]
		in.c.counts.receivedBytes.Add(uint64(envelope.Size(m)))
		if !w.push(received{channel: m.Channel, m: m, size: memoryOf(m)}) {
			in.c.counts.overrun.Add(1)
			dropped++
		}
	}
	return dropped
}

// NoNode implements [backplane.Inbound]: a node that is gone is removed.
func (in inbound) NoNode(m *backplane.Message) {
	if n, was := in.c.members.remove(m.To); was {
		in.c.left(n.ID)
		in.c.log.Warn("node is gone", "node", n.ID, "name", n.Name)
	}
}

// Link implements [backplane.Inbound].
func (in inbound) Link(up, lost bool, err error) {
	c := in.c
	if up && lost && c.entries == nil {
		c.resume.up(c.out.signal) // before the sender sees that the link is up
	}
	if changed := c.link.set(up, err); changed && !up {
		if c.entries == nil { // the log has what others miss
			c.resume.down(c.members.ids())
		}
		for _, q := range c.questions.all() {
			q.loseAll() // the answers would not arrive
		}
	}
	if lost {
		c.counts.reconnects.Add(1)
	}
	if up && c.entries != nil {
		c.entries.h.Linked(lost)
		if lost {
			c.SendMarker()
		}
	}
	c.out.signal()
}

// worker delivers what some of the nodes send, in order.
type worker struct {
	c         *Cluster
	reader    envelope.Reader
	load      Load // of reader
	origins   map[string]*origin
	searched  time.Time // origins, for those that are idle
	offenders offenders
	batch     []received // taken from queue, and not handled yet
	spare     []received // the memory of the batch
	handled   int        // bytes of the batch that were handled, and are in bytes still
	reading   received   // the frame of reader

	mu     sync.Mutex
	cond   sync.Cond
	queue  []received
	bytes  int
	closed bool
}

// received is a frame, or a message of an engine with another form; or a Bye that came some time ago.
type received struct {
	channel string
	frame   []byte
	m       *backplane.Message
	bye     *bye
	size    int
}

type bye struct {
	from string
	sent uint64
}

// origin returns what identifies who sent it: 8 bytes of a frame, an id of a message.
func (r received) origin() []byte {
	if r.m != nil {
		return []byte(r.m.Origin)
	}
	return envelope.OriginOf(r.frame)
}

// originText returns the id of an origin.
func originText(origin []byte) string {
	if len(origin) == 8 {
		return hex.EncodeToString(origin)
	}
	return string(origin)
}

func newWorkers(c *Cluster) []*worker {
	all := make([]*worker, max(2, runtime.GOMAXPROCS(0)))
	for i := range all {
		all[i] = &worker{c: c, origins: map[string]*origin{}, offenders: offenders{}}
		all[i].load = all[i].reader.Load
		all[i].cond.L = &all[i].mu
	}
	return all
}

// push reports whether there was room for r.
func (w *worker) push(r received) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.bytes+r.size > maxWaiting && w.bytes > 0 {
		return false
	}
	w.queue = append(w.queue, r)
	w.bytes += r.size
	w.cond.Signal()
	return true
}

// run delivers until close. Functions of the application, such as an observer, may end its goroutine:
// another one goes on with the next message.
func (w *worker) run() {
	closed := false
	defer func() {
		if !closed {
			w.c.workers.Go(w.run)
		}
	}()
	w.messages()
	for {
		r, ok := w.next()
		if !ok {
			closed = true
			return
		}
		w.handle(r)
	}
}

// next waits for a frame; false after close. It makes room for others when enough was handled.
func (w *worker) next() (r received, ok bool) {
	if len(w.batch) == 0 || w.handled > maxWaiting/16 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.bytes -= w.handled
		w.handled = 0
	}
	for len(w.batch) == 0 {
		for len(w.queue) == 0 && !w.closed {
			w.cond.Wait()
		}
		if w.closed {
			return received{}, false
		}
		w.batch, w.queue = w.queue, w.spare[:0]
		w.spare = w.batch
	}
	r = w.batch[0]
	w.batch[0], w.batch = received{}, w.batch[1:]
	w.handled += r.size
	return r, true
}

// close ends run after what it delivers at this moment.
func (w *worker) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.queue = nil
	w.cond.Broadcast()
}
