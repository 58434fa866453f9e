package gateway

import (
	"time"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Bounds of a client's inbox. Beyond either the adapter stops reading.
const (
	inboxMessages = 256
	inboxBytes    = 1 << 20 // of memory held
)

var started = time.Now()

// inbox holds received messages while a client's handlers are busy. Guarded by session.mu.
type inbox struct {
	messages []*adapter.Message // from taken on
	taken    int
	last     string // the event of the message that was taken last
	bytes    int
	returned bool          // Receive has returned the session as Work, and no method of it was called
	room     chan struct{} // Receive waits on it; closed when there is room; nil when Receive does not wait
	// While Receive waits: when that started, or when a message was last started since.
	movedAt time.Duration // since started
}

// waiting returns the messages that wait.
func (b *inbox) waiting() []*adapter.Message { return b.messages[b.taken:] }

func (b *inbox) len() int { return len(b.messages) - b.taken }

// full reports whether m has to wait. A message that is larger than the whole inbox is
// accepted when nothing else is in it.
func (b *inbox) full(m *adapter.Message) bool {
	return b.len() > 0 && (b.len() >= inboxMessages || b.bytes+m.Memory() > inboxBytes)
}

func (b *inbox) add(m *adapter.Message) {
	if b.taken >= inboxMessages { // an inbox that is never empty would grow without limit
		n := copy(b.messages, b.messages[b.taken:])
		clear(b.messages[n:])
		b.messages, b.taken = b.messages[:n], 0
	}
	b.messages = append(b.messages, m)
	b.bytes += m.Memory()
	b.room = nil // Receive waits no more
}

func (b *inbox) take() *adapter.Message {
	m := b.messages[b.taken]
	b.messages[b.taken], b.last = nil, m.Event
	if b.taken++; b.taken == len(b.messages) {
		b.messages, b.taken = b.messages[:0], 0
	}
	b.bytes -= m.Memory()
	if b.room != nil {
		b.movedAt = time.Since(started)
		if b.len() < inboxMessages/2 && b.bytes <= inboxBytes/2 {
			b.wake()
		}
	}
	return m
}

// wait returns a channel that is closed when there may be room.
func (b *inbox) wait() <-chan struct{} {
	if b.room == nil {
		b.room = make(chan struct{})
		b.movedAt = time.Since(started)
	}
	return b.room
}

func (b *inbox) wake() {
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
}

// stalled returns for how long nothing has moved while Receive waits.
func (b *inbox) stalled() time.Duration {
	if b.room == nil {
		return 0
	}
	return max(time.Since(started)-b.movedAt, 1)
}

// drop drops all messages and wakes Receive. It returns how much they held.
func (b *inbox) drop() (held int) {
	held = b.bytes
	clear(b.messages)
	b.taken, b.bytes = 0, 0
	b.messages = b.messages[:0]
	last := b.last // its handler may run
	b.shrink()
	b.last = last
	b.wake()
	return held
}

// shrink frees the memory of an empty inbox: an idle client keeps little.
func (b *inbox) shrink() {
	b.last = ""
	if cap(b.messages) > 16 {
		b.messages = nil
	}
}
