package cluster

import (
	"math"
	"sync"
	"time"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// maxControl bounds the messages of the cluster itself that wait: answers to nodes that start.
const maxControl = 1024

// maxMarkers is how many markers may wait beyond the bounds.
const maxMarkers = 16

// outbox is what waits to be sent. Messages are numbered when they enter, so that those that are
// dropped are a gap for the receivers.
type outbox struct {
	origin      string
	maxBytes    int
	maxMessages int
	wake        chan struct{} // capacity 1: there is something to send

	mu       sync.Mutex
	channels map[string]*numbers
	all      list // in order
	volatile list // those that are dropped first, in order
	bytes    int
	// control is sent first. What is for all nodes is numbered when it is taken; what is for one
	// is not numbered, since it overtakes the answers on that node's channel.
	control    []*backplane.Message
	version    uint8 // of what is taken; control has 0, which every node reads
	beatDue    bool
	closed     bool
	taken      []*Event // of the sender
	own        ownMessages
	lasting    uint64        // the number of the last message for a log that was dropped and was not volatile
	spareReady chan struct{} // closed when there is room for pushSpare; nil unless one waits
}

// numbers are those of a channel.
type numbers struct {
	last    uint64 // given
	taken   uint64 // of the message taken last
	waiting int
}

// entry is a waiting message.
type entry struct {
	m     *backplane.Message
	event *Event // that m belongs to; nil without one
	of    *numbers
	at    time.Time // when it was queued
	size  int
	in    [2]links // of the lists all and volatile

	marker bool // it is queued also when the queue is full
}

type links struct{ prev, next *entry }

// list is a list of entries; which says which of their links it uses.
type list struct {
	which       int
	first, last *entry
	n           int
}

func (l *list) push(e *entry) {
	e.in[l.which] = links{prev: l.last}
	if l.last == nil {
		l.first = e
	} else {
		l.last.in[l.which].next = e
	}
	l.last = e
	l.n++
}

func (l *list) remove(e *entry) {
	in := e.in[l.which]
	if in.prev == nil {
		l.first = in.next
	} else {
		in.prev.in[l.which].next = in.next
	}
	if in.next == nil {
		l.last = in.prev
	} else {
		in.next.in[l.which].prev = in.prev
	}
	e.in[l.which] = links{}
	l.n--
}

func (o *outbox) init(origin string, opts backplane.Options) {
	o.origin, o.maxBytes, o.maxMessages = origin, opts.QueueBytes, opts.QueueMessages
	o.wake, o.channels, o.volatile.which = make(chan struct{}, 1), map[string]*numbers{}, 1
	o.channels[backplane.ChannelEvents], o.channels[backplane.ChannelNodes] = &numbers{}, &numbers{}
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// entrySize is the memory of an entry beside what is sent, about.
const entrySize = int(unsafe.Sizeof(Event{}))

// memoryOf is the memory of a message that waits, about.
func memoryOf(m *backplane.Message) int {
	s, p := &m.Select, &m.Payload
	names := len(s.Rooms) + len(s.IDs) + len(s.ExceptRooms) + len(s.ExceptIDs) + len(m.Rooms)
	return envelope.Size(m) + cap(p.JSON) - len(p.JSON) + names*nameSize + len(p.Attachments)*attachmentSize + entrySize
}

// The memory of a name and of an attachment beside their bytes.
const (
	nameSize       = int(unsafe.Sizeof(""))
	attachmentSize = int(unsafe.Sizeof([]byte{}))
)

// push numbers and queues a message. It returns its number, and how many were dropped: volatile ones that
// waited, and with ErrFull the message itself.
func (o *outbox) push(e *entry) (seq uint64, dropped int, err error) {
	e.size = memoryOf(e.m)
	o.mu.Lock()
	seq, dropped, first, err := o.add(e)
	o.mu.Unlock()
	if first { // otherwise the sender is awake, or the link is down
		o.signal()
	}
	return seq, dropped, err
}

// spareShare is the part of the outbox that pushSpare fills: a quarter.
const spareShare = 4

// pushSpare is push while less than a quarter of the outbox is used. Otherwise it changes nothing and returns what is closed
// when that may be so.
func (o *outbox) pushSpare(e *entry) (wait <-chan struct{}, err error) {
	e.size = memoryOf(e.m)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed && o.spareLimitReached() {
		if o.spareReady == nil {
			o.spareReady = make(chan struct{})
		}
		return o.spareReady, nil
	}
	_, _, first, err := o.add(e)
	if first {
		o.signal()
	}
	return nil, err
}

// spareLimitReached reports whether pushSpare has to wait; o.mu is held.
func (o *outbox) spareLimitReached() bool {
	return o.bytes > o.maxBytes/spareShare || o.all.n > o.maxMessages/spareShare
}

// wakeSpare wakes the callers of pushSpare when there is room for them, or the outbox is closed; o.mu is held.
func (o *outbox) wakeSpare() {
	if o.spareReady != nil && (o.closed || !o.spareLimitReached()) {
		close(o.spareReady)
		o.spareReady = nil
	}
}

// add numbers and queues a message, and reports whether it is the first one; o.mu is held.
func (o *outbox) add(e *entry) (seq uint64, dropped int, first bool, err error) {
	m := e.m
	if o.closed {
		return 0, 0, false, ErrStopped
	}
	e.of, e.at = o.number(m), time.Now()
	seq = m.Seq // the sender may release m as soon as it is queued
	for !e.marker && o.full(e.size) && o.volatile.first != nil {
		v := o.volatile.first
		o.drop(v)
		if o.ofLog(v.m) {
			o.own.drop(v.m.Seq)
		} else {
			v.release()
		}
		dropped++
	}
	if !(e.marker && o.all.n < o.maxMessages+maxMarkers) && (o.full(e.size) || o.ofLog(m) && o.ownFull(e.size, 1)) {
		err = ErrFull
		if o.ofLog(m) {
			err = o.overflow(e)
		}
		return seq, dropped + 1, false, err
	}
	if o.ofLog(m) {
		o.own.add(e)
	}
	e.of.waiting++
	o.all.push(e)
	if m.Flags&backplane.Volatile != 0 {
		o.volatile.push(e)
	}
	o.bytes += e.size
	return seq, dropped, o.all.n == 1, nil
}

// maxChannels bounds the channels whose messages are numbered: one for each node that has lived
// and sent no Bye, and may return.
const maxChannels = 10_000

// number sets origin and number of a message; o.mu is held.
func (o *outbox) number(m *backplane.Message) *numbers {
	m.Origin = o.origin
	n := o.channels[m.Channel]
	if n == nil {
		n = &numbers{}
		if len(o.channels) >= maxChannels {
			return n
		}
		o.channels[m.Channel] = n
	}
	n.last++
	m.Seq = n.last
	return n
}

func (o *outbox) full(size int) bool {
	return o.all.n > 0 && (o.bytes+size > o.maxBytes || o.all.n >= o.maxMessages)
}

// drop removes a message that waits; o.mu is held.
func (o *outbox) drop(e *entry) {
	o.all.remove(e)
	if e.m.Flags&backplane.Volatile != 0 {
		o.volatile.remove(e)
	}
	o.bytes -= e.size
	e.of.waiting--
}

// pushControl queues a message of the cluster itself. It is dropped where too many wait: beats
// bring what it says later.
func (o *outbox) pushControl(m *backplane.Message) {
	o.mu.Lock()
	if len(o.control) < maxControl && !o.closed {
		o.control = append(o.control, m)
	}
	o.mu.Unlock()
	o.signal()
}

func (o *outbox) requestBeat() {
	o.mu.Lock()
	o.beatDue = true
	o.mu.Unlock()
	o.signal()
}

// takeBeat reports whether a beat was requested since the last call.
func (o *outbox) takeBeat() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	due := o.beatDue
	o.beatDue = false
	return due
}

// release has the memory of an event used again.
func (e *entry) release() {
	if e.event != nil {
		e.event.Release()
	}
}

// take appends the next batch to dst: within the bounds of [backplane.Backplane].Send, or of it only
// what is about the cluster itself. Its events are in taken until the next call.
func (o *outbox) take(dst []*backplane.Message, controlOnly bool) []*backplane.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	bytes := 0
	clear(o.taken) // of a batch that has failed
	o.taken = o.taken[:0]
	for len(o.control) > 0 && len(dst) < backplane.MaxBatch {
		m := o.control[0]
		size := envelope.Size(m)
		if len(dst) > 0 && bytes+size > backplane.MaxBatchBytes {
			return dst
		}
		o.control = o.control[1:]
		if m.Origin = o.origin; m.To == "" {
			o.number(m)
		}
		dst, bytes = append(dst, m), bytes+size
	}
	for e := o.all.first; e != nil && !controlOnly && len(dst) < backplane.MaxBatch; e = o.all.first {
		size := e.size - entrySize
		if len(dst) > 0 && bytes+size > backplane.MaxBatchBytes {
			break
		}
		if o.ofLog(e.m) && e.of.taken+1 < e.m.Seq {
			m := o.lost(e.of, e.m.Seq-1)
			dst, bytes = append(dst, m), bytes+envelope.Size(m)
			continue
		}
		o.drop(e)
		e.of.taken, e.m.Version = e.m.Seq, o.version
		dst, bytes = append(dst, e.m), bytes+size
		if e.event != nil && !o.ofLog(e.m) {
			o.taken = append(o.taken, e.event)
		}
	}
	if n := o.channels[backplane.ChannelEvents]; o.own.on && !controlOnly && n != nil && n.waiting == 0 && n.taken < n.last && len(dst) < backplane.MaxBatch {
		dst = append(dst, o.lost(n, n.last))
	}
	o.wakeSpare()
	return dst
}

// lost returns the message that takes the place of those up to a number that are not sent; o.mu is held.
func (o *outbox) lost(n *numbers, last uint64) *backplane.Message {
	m := &backplane.Message{
		Kind: backplane.Lost, Channel: backplane.ChannelEvents, Origin: o.origin, Seq: last, Version: o.version,
		Count: uint32(min(last-n.taken, math.MaxUint32)),
	}
	if o.lasting <= n.taken {
		m.Flags = backplane.Volatile
	}
	n.taken = last
	return m
}

// notSent has the messages of a log from a number on that were taken count as not sent.
func (o *outbox) notSent(first uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := o.channels[backplane.ChannelEvents]; n != nil {
		o.lasting = max(o.lasting, n.taken)
		n.taken = min(n.taken, first-1)
	}
	o.signal()
}

// sent returns the number of the last message of a channel that has been sent or dropped.
func (o *outbox) sent(channel string) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.channels[channel]
	switch {
	case n == nil:
		return 0
	case n.waiting > 0:
		return n.taken
	}
	return n.last
}

// last returns the number of the last message of a channel.
func (o *outbox) last(channel string) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := o.channels[channel]; n != nil {
		return n.last
	}
	return 0
}

// releaseTaken has the events that were taken last be used again. Only the sender calls it.
func (o *outbox) releaseTaken() {
	for i, e := range o.taken {
		o.taken[i] = nil
		e.Release()
	}
	o.taken = o.taken[:0]
}

// setVersion sets the version of messages.
func (o *outbox) setVersion(v uint8) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.version = v
}

// forget removes the numbers of a channel that is not used any more: those of a node that has
// stopped.
func (o *outbox) forget(channel string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.channels, channel)
}

// waiting returns how much waits.
func (o *outbox) waiting() (messages, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.n + len(o.control), o.bytes
}

// age returns how long the oldest message has waited, those of the cluster itself left out.
func (o *outbox) age() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all.first == nil {
		return 0
	}
	return time.Since(o.all.first.at)
}

// close lets nothing more enter, and drops what waits.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.all, o.volatile, o.bytes, o.control = true, list{}, list{which: 1}, 0, nil
	o.channels = map[string]*numbers{}
	o.wakeSpare()
}
