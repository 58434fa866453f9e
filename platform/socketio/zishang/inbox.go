package zishang

import (
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Bounds of an inbox beside its bytes.
const inboxMessages = 1024

// sizeOf returns the memory that a message keeps.
func sizeOf(m *adapter.Message) int { return max(m.Held, m.Payload.Size()) }

// inbox takes what one client sent to one namespace and hands it to the
// session in order, from a goroutine that exists only while something waits.
// It stands between the reader of a connection, which must go on to acks and to
// other namespaces, and [adapter.Session.Receive], which blocks while the
// client's handlers are busy.
type inbox struct {
	maxBytes int
	start    func(func()) // runs the goroutine
	ended    func()       // is called once, when Session.Closed has returned

	mu       sync.Mutex
	session  adapter.Session // nil until the client is connected
	acks     []clientAck     // that came before session
	items    []*adapter.Message
	bytes    int
	running  bool
	taken    uint64        // messages handed on so far
	room     chan struct{} // closed when something was taken; nil when nothing waits
	closed   bool
	reason   websockets.Reason
	finished bool // Session.Closed has been called
}

type clientAck struct {
	n uint64
	p websockets.Payload
}

// ack hands on an answer; it does not wait for the messages before it.
func (b *inbox) ack(n uint64, p websockets.Payload) {
	b.mu.Lock()
	s := b.session
	if s == nil && len(b.acks) < inboxMessages {
		b.acks = append(b.acks, clientAck{n, p})
	}
	b.mu.Unlock()
	if s != nil {
		s.Ack(n, p)
	}
}

// upgraded reports a change of the transport.
func (b *inbox) upgraded() {
	b.mu.Lock()
	s := b.session
	b.mu.Unlock()
	if s != nil {
		s.Upgraded()
	}
}

// put adds a message and reports true, or reports false with the channel that
// is closed when there may be room, and the number of messages taken so far.
func (b *inbox) put(m *adapter.Message) (ok bool, room <-chan struct{}, taken uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return true, nil, 0 // no session is there to take it
	}
	size := sizeOf(m)
	if len(b.items) > 0 && (len(b.items) >= inboxMessages || b.bytes+size > b.maxBytes) {
		if b.room == nil {
			b.room = make(chan struct{})
		}
		return false, b.room, b.taken
	}
	b.items = append(b.items, m)
	b.bytes += size
	b.run()
	return true, nil, 0
}

// open sets who receives.
func (b *inbox) open(s adapter.Session) {
	b.mu.Lock()
	b.session = s
	acks := b.acks
	b.acks = nil
	b.run()
	b.mu.Unlock()
	for _, a := range acks {
		s.Ack(a.n, a.p)
	}
}

// close ends the session with r after what waits has been handed on, or without
// that when discard is set. After patience it does not wait for handlers any longer.
func (b *inbox) close(r websockets.Reason, discard bool, patience time.Duration) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed, b.reason = true, r
	if discard {
		b.items = nil
	}
	b.wake()
	if b.session == nil {
		b.mu.Unlock() // open will end it
		return
	}
	if discard || !b.running {
		b.mu.Unlock()
		b.finish()
		return
	}
	b.mu.Unlock()
	b.start(func() { b.giveUp(patience) })
}

// giveUp ends the session when what waits is not handed on within patience.
func (b *inbox) giveUp(patience time.Duration) {
	t := time.NewTimer(patience)
	defer t.Stop()
	for {
		b.mu.Lock()
		if b.finished {
			b.mu.Unlock()
			return
		}
		if b.room == nil {
			b.room = make(chan struct{})
		}
		room := b.room
		b.mu.Unlock()
		select {
		case <-room:
		case <-t.C:
			b.mu.Lock()
			b.items = nil
			b.mu.Unlock()
			b.finish()
			return
		}
	}
}

func (b *inbox) run() {
	if !b.running && b.session != nil && (len(b.items) > 0 || b.closed) {
		b.running = true
		b.start(b.feed)
	}
}

func (b *inbox) feed() {
	b.mu.Lock()
	for len(b.items) > 0 {
		m := b.items[0]
		b.items[0] = nil
		b.items = b.items[1:]
		b.bytes -= sizeOf(m)
		b.mu.Unlock()
		if work := b.session.Receive(m); work != nil {
			work.Start()
		}
		b.mu.Lock()
		b.taken++
		b.wake()
	}
	b.items, b.bytes = nil, 0
	b.running = false
	closed := b.closed
	b.mu.Unlock()
	if closed {
		b.finish()
	}
}

func (b *inbox) finish() {
	b.mu.Lock()
	s := b.session
	if s == nil || b.finished {
		b.mu.Unlock()
		return
	}
	b.finished = true
	b.wake()
	b.mu.Unlock()
	defer b.ended()
	s.Closed(b.reason)
}

func (b *inbox) wake() {
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
}
