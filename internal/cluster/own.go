package cluster

import (
	"slices"
	"sort"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// ownMessages are those of this node that have not returned from the log, in the order of their numbers. Guarded by outbox.mu.
type ownMessages struct {
	on     bool   // there is a log
	signal func() // wakes the reader of the log
	list   []ownMessage
	gone   int // how many of list were dropped
	bytes  int
	timer  *time.Timer // signals when the oldest has waited for returnTime
	urgent bool        // the queue is full
	local  bool        // the reader delivers each at once
}

// ownMessage is one of them.
type ownMessage struct {
	seq  uint64
	m    *backplane.Message // nil for one that was dropped
	then func()             // called when those before it were delivered; without m
	at   time.Time          // when it was queued
	size int
}

func (o *ownMessages) init(signal func()) {
	o.on, o.signal = true, signal
	o.timer = time.AfterFunc(time.Hour, signal)
	o.timer.Stop()
}

// add adds a message.
func (o *ownMessages) add(e *entry) {
	switch {
	case o.local:
		o.signal()
	case len(o.list) == 0:
		o.timer.Reset(returnTime)
	}
	o.list = append(o.list, ownMessage{seq: e.m.Seq, m: e.m, at: e.at, size: e.size})
	o.bytes += e.size
}

// drop forgets a message that is not sent.
func (o *ownMessages) drop(seq uint64) {
	i := sort.Search(len(o.list), func(i int) bool { return o.list[i].seq >= seq })
	if i == len(o.list) || o.list[i].seq != seq || o.list[i].m == nil {
		return
	}
	o.bytes -= o.list[i].size
	o.list[i].m, o.list[i].size = nil, 0
	if o.gone++; o.gone > len(o.list)/2 {
		o.list = slices.DeleteFunc(o.list, ownMessage.gone)
		o.gone = 0
	}
}

// gone reports whether it was dropped.
func (m ownMessage) gone() bool { return m.m == nil && m.then == nil }

// pop removes the first.
func (o *ownMessages) pop() ownMessage {
	first := o.list[0]
	o.list[0] = ownMessage{}
	o.bytes -= first.size
	if first.gone() {
		o.gone--
	}
	if o.list = o.list[1:]; len(o.list) == 0 {
		o.list = nil
	}
	return first
}

// full reports whether there is no room for one more, of so many times the queue.
func (o *outbox) ownFull(size, times int) bool {
	n := len(o.own.list) - o.own.gone
	return n > 0 && (o.own.bytes+size > times*o.maxBytes || n >= times*o.maxMessages)
}

// ofLog reports whether a message returns from the log.
func (o *outbox) ofLog(m *backplane.Message) bool {
	return o.own.on && m.Channel == backplane.ChannelEvents
}

// overflow has a message that is not sent be delivered here at once, with those before it; o.mu is held. It returns ErrFull, or
// ErrNowhere when too many wait for that too.
func (o *outbox) overflow(e *entry) (err error) {
	const times = 2
	if e.m.Flags&backplane.Volatile == 0 {
		o.lasting = e.m.Seq
	}
	if err = ErrNowhere; !o.ownFull(e.size, times) {
		o.own.add(e)
		err = ErrFull
	}
	o.own.urgent = true
	o.own.signal()
	o.signal() // for the message that takes its place
	return err
}

// returned forgets the messages up to a number, whose message has returned from the log, or the one that takes its place when that was
// not sent. It returns those that never will, since later ones have: they were not delivered yet. outstanding is how many later ones have
// not returned, then functions to call.
func (o *outbox) returned(seq uint64, sent bool) (lost []*backplane.Message, outstanding uint64, then []func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.own.list) > 0 && o.own.list[0].seq <= seq {
		switch first := o.own.pop(); {
		case first.then != nil:
			then = append(then, first.then)
		case first.m != nil && (first.seq < seq || !sent):
			lost = append(lost, first.m)
		}
	}
	if n := o.channels[backplane.ChannelEvents]; n != nil && n.last > seq {
		outstanding = n.last - seq
	}
	return lost, outstanding, then
}

// afterOwn has f be called after the messages that have not returned, and reports whether there are any.
func (o *outbox) afterOwn(f func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.own.list)
	if n == 0 || o.closed {
		return false
	}
	last := o.own.list[n-1]
	o.own.list = append(o.own.list, ownMessage{seq: last.seq, then: f, at: last.at})
	return true
}

// takeOwn removes the first message that has not returned, if all are due or it has waited for so long.
// Instead of a message it may return a function to call.
func (o *outbox) takeOwn(all bool, wait time.Duration) (m *backplane.Message, then func(), ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	own := &o.own
	own.local = all
	for len(own.list) > 0 {
		if left := wait - time.Since(own.list[0].at); !all && !own.urgent && left > 0 {
			own.timer.Reset(left)
			return nil, nil, false
		}
		if first := own.pop(); first.m != nil || first.then != nil {
			return first.m, first.then, true
		}
	}
	own.urgent = false
	return nil, nil, false
}

// endOwn ends it, and returns the functions to call.
func (o *outbox) endOwn() (then []func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.own.timer.Stop()
	for _, own := range o.own.list {
		if own.then != nil {
			then = append(then, own.then)
		}
	}
	o.own.list, o.own.gone, o.own.bytes = nil, 0, 0
	return then
}
