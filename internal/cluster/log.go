package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// returnTime is how long a message of this node may take to return from the log. After that it is delivered to the
// clients here without a position.
const returnTime = time.Second

// Position is where a message is in the log.
type Position struct {
	// Number is its position; 0 for one that has not returned.
	Number uint64
	// Void reports that clients get no position: messages that they got before may be after it in the log.
	Void bool
}

// LogHandler handles what is read from a [backplane.Log]. Its methods are called one at a time.
type LogHandler interface {
	// Opened reports where the log starts and ends.
	Opened(base, last uint64)
	// Rebased reports that positions before base are not valid any more.
	Rebased(base uint64)
	// Voided reports whether clients get no positions.
	Voided(void bool)
	// DeliverAt handles a message as Deliver does, also one of this node.
	DeliverAt(m *backplane.Message, load Load, at Position) error
	// Lost reports that messages of a loss are missing before or at a position, up to which nothing is to be delivered any more.
	Lost(l Loss, passed uint64)
	// Linked reports that the service can be reached, again if it could before. It may be called at any time, and returns at once.
	Linked(again bool)
	// Passed reports that everything up to a position was delivered, or concerns no client.
	Passed(position uint64)
}

// logReader delivers what is read from a log, in its order, on one goroutine: messages of this node too.
//
// One of this node that has not returned within returnTime starts the local mode: what waits is delivered to the clients here
// at once, and so is each following one, until one returns. Those that were delivered so are skipped when they return.
type logReader struct {
	c      *Cluster
	log    backplane.Log
	h      LogHandler
	reader envelope.Reader
	load   Load // of reader
	tail   tail

	// Of the goroutine.
	last    uint64            // the position that was read last
	numbers map[string]uint64 // the last ones of other nodes
	rebased time.Time         // when the last base was read
	reading backplane.Entry   // of reader; without a Frame between two entries
	next    uint64            // the position of the next message of reading
	local   bool              // the local mode
	void    bool              // a message with a number up to handled may return
	handled uint64            // the number up to which messages of this node were delivered locally

	wake   chan struct{} // capacity 1
	mu     sync.Mutex
	queue  []backplane.Entry
	bytes  int
	room   chan struct{} // closed when there is room; nil unless the engine waits
	closed bool
}

func newLogReader(c *Cluster, log backplane.Log, h LogHandler) *logReader {
	r := &logReader{c: c, log: log, h: h, numbers: map[string]uint64{}, wake: make(chan struct{}, 1)}
	r.load = r.reader.Load
	c.out.own.init(r.signal)
	return r
}

func (r *logReader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// push waits until there is room for an entry.
func (r *logReader) push(ctx context.Context, e backplane.Entry) bool {
	size := len(e.Frame) + frameSize
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return false
		}
		if r.bytes == 0 || r.bytes+size <= maxWaiting {
			r.queue, r.bytes = append(r.queue, e), r.bytes+size
			r.mu.Unlock()
			r.signal()
			return true
		}
		if r.room == nil {
			r.room = make(chan struct{})
		}
		room := r.room
		r.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

// take returns the next entry.
func (r *logReader) take() (e backplane.Entry, ok, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.queue) == 0 {
		return e, false, r.closed
	}
	e = r.queue[0]
	r.queue[0] = backplane.Entry{}
	if r.queue = r.queue[1:]; len(r.queue) == 0 {
		r.queue = nil
	}
	r.bytes -= len(e.Frame) + frameSize
	if r.room != nil {
		close(r.room)
		r.room = nil
	}
	return e, true, false
}

// close ends run after what it delivers at this moment.
func (r *logReader) close() {
	r.mu.Lock()
	r.closed, r.queue = true, nil
	if r.room != nil {
		close(r.room)
		r.room = nil
	}
	r.mu.Unlock()
	callAll(r.c.out.endOwn())
	r.signal()
}

// AfterOwn calls f once the messages that this node has sent to clients so far were delivered here: at once if they are, soon otherwise.
// f must not wait.
func (c *Cluster) AfterOwn(f func()) {
	if c.entries == nil || !c.out.afterOwn(f) {
		f()
	}
}

// run delivers until close. Functions of the application, such as an observer, may end its goroutine: another one goes on.
func (r *logReader) run() {
	closed := false
	defer func() {
		if !closed {
			r.c.workers.Go(r.run)
		}
	}()
	r.messages()
	for {
		r.deliverOwn()
		e, ok, ended := r.take()
		switch {
		case ended:
			closed = true
			return
		case ok:
			r.entry(e)
		default:
			<-r.wake
		}
	}
}

// entry delivers an entry, unless it was read before.
func (r *logReader) entry(e backplane.Entry) {
	c := r.c
	if e.NewBase {
		r.rebase(e)
	}
	switch {
	case e.Messages == 0 || e.Last() <= r.last:
		return
	case e.First > r.last+1:
		r.lostEntries(e.First)
	}
	r.tail.add(e)
	c.counts.receivedBytes.Add(uint64(len(e.Frame)))
	if err := r.reader.Open(e.Frame, c.limits); err != nil {
		if errors.Is(err, envelope.ErrVersion) {
			c.link.lose(err)
		}
		c.invalid(err)
		r.passed(e.Last())
		return
	}
	r.reading, r.next = e, e.First
	r.messages()
}

// rebase handles the start of a base.
func (r *logReader) rebase(e backplane.Entry) {
	base := e.First - 1
	if base <= r.last {
		return
	}
	r.tail.reset()
	r.last = base
	r.lostBase(base)
	r.h.Rebased(base)
	r.h.Passed(base)
}

func (r *logReader) passed(position uint64) {
	r.last = position
	r.h.Passed(position)
}

// messages delivers what is left of an entry.
func (r *logReader) messages() {
	e := r.reading
	if e.Frame == nil {
		return
	}
	for r.next <= e.Last() {
		ok, err := r.reader.Next()
		if err != nil {
			r.c.invalid(err)
		}
		if !ok {
			break
		}
		at := r.next
		r.next++
		if at <= r.last { // it was read before
			continue
		}
		m, err := r.reader.Head()
		if err != nil {
			r.c.invalid(err)
		} else {
			r.message(m, at)
		}
		r.passed(at)
	}
	r.reading = backplane.Entry{}
	r.passed(e.Last())
}

// message delivers a message at a position.
func (r *logReader) message(m *backplane.Message, at uint64) {
	c := r.c
	m.Channel = backplane.ChannelEvents
	switch {
	case m.Origin == c.id:
		deliver, then := r.ownReturned(m)
		defer callAll(then)
		if !deliver {
			return
		}
	case m.Origin == backplane.Emitter && !mayEmit(m.Kind):
		c.invalid(fmt.Errorf("%s of a program that is no node: %w", m.Kind, envelope.ErrInvalid))
		return
	case !r.accept(m, at):
		return
	default:
		c.counts.received.Add(1)
	}
	if !ofClients(m.Kind) {
		if m.Origin != c.id {
			r.other(m)
		}
		return
	}
	if err := c.deliverAt(r.h, m, r.load, Position{at, r.void}); err != nil {
		c.invalid(err)
	}
}

func callAll(fs []func()) {
	for _, f := range fs {
		f()
	}
}

// other handles a message that is no event and no change of clients.
func (r *logReader) other(m *backplane.Message) {
	switch m.Kind {
	case backplane.Call, backplane.Fetch, backplane.NodeEvent:
		if err := r.c.deliver(m, r.load); err != nil {
			r.c.invalid(err)
		}
	default:
		r.c.counts.unknown.Add(1)
	}
}

// ofClients reports whether a message is an event, or a change of clients.
func ofClients(k backplane.Kind) bool {
	switch k {
	case backplane.Event, backplane.Join, backplane.Leave, backplane.Disconnect:
		return true
	}
	return false
}

// ownReturned handles a message of this node that has returned, and reports whether it was not delivered yet. then are functions
// to call after it. Those before it that have not returned never will: they are delivered here now.
func (r *logReader) ownReturned(m *backplane.Message) (deliver bool, then []func()) {
	lost, outstanding, then := r.c.out.returned(m.Seq, m.Kind != backplane.Lost)
	for _, l := range lost {
		r.deliverHere(l)
	}
	if r.local && outstanding <= maxOutstanding {
		r.local = false
		r.c.SendMarker()
	}
	if m.Seq <= r.handled {
		return false, then
	}
	if r.void {
		r.void = false
		r.h.Voided(false)
	}
	return true, then
}

// noClient is no id of a client.
const noClient = "-"

// SendMarker sends a message for no client: when it has arrived, so has everything before it, or it is known to be lost. If it cannot be
// sent, the second beat has its number.
func (c *Cluster) SendMarker() {
	m := &backplane.Message{Kind: backplane.Leave, Channel: backplane.ChannelEvents, Select: backplane.Selection{IDs: []string{noClient}}}
	_, _ = c.queue(&entry{m: m, marker: true})
}

// maxOutstanding is how many messages of this node may still be on their way when it leaves the local mode.
const maxOutstanding = 1024

// deliverOwn delivers messages of this node that have not returned in time.
func (r *logReader) deliverOwn() {
	for {
		m, then, ok := r.c.out.takeOwn(r.local, returnTime)
		if !ok {
			return
		}
		if then != nil {
			then()
			continue
		}
		if !r.local {
			r.local = true
			r.c.localMode()
		}
		if !r.void {
			r.void = true
			r.h.Voided(true)
		}
		r.handled = m.Seq
		r.deliverHere(m)
	}
}

// deliverHere delivers a message of this node that has not returned.
func (r *logReader) deliverHere(m *backplane.Message) {
	if !ofClients(m.Kind) {
		return
	}
	if err := r.c.deliverAt(r.h, m, func() (*backplane.Message, error) { return m, nil }, Position{Void: true}); err != nil {
		r.c.invalid(err)
	}
}

// deliverAt is deliver for a message of a log.
func (c *Cluster) deliverAt(h LogHandler, m *backplane.Message, load Load, at Position) error {
	return c.guarded(m, func() error { return h.DeliverAt(m, load, at) })
}

// localMode logs that events of this node do not return.
func (c *Cluster) localMode() {
	c.link.lose(errNotBack)
	if k := c.localLog.Count(); k > 0 {
		c.log.Warn("the log does not respond: clients of this node receive its events without it, and cannot be recovered until it does", "times", k)
	}
}

// Opened implements [backplane.LogInbound].
func (in logInbound) Opened(base, last uint64) {
	in.r.last = last // before the first entry
	in.r.h.Opened(base, last)
}

// ReceiveEntry implements [backplane.LogInbound].
func (in logInbound) ReceiveEntry(ctx context.Context, e backplane.Entry) bool {
	if len(e.Frame) > maxWaiting {
		in.c.invalid(fmt.Errorf("frame of %d bytes: %w of %d", len(e.Frame), envelope.ErrLimit, maxWaiting))
		e.Frame = nil // its positions count
	}
	return in.r.push(ctx, e)
}

// logInbound is inbound with a log.
type logInbound struct {
	inbound

	r *logReader
}

var _ backplane.LogInbound = logInbound{}
