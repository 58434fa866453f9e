package websockets

import (
	"bytes"
	"errors"
	"reflect"
	"sync"
)

// Overflow says what happens to a message when the client's send queue is full.
type Overflow uint8

// The policies of a full send queue.
const (
	// OverflowClose closes the client when more than Limits.SendQueueMax would wait
	// for it: close code 1008 on plain WebSocket, "queue overflow" as [Reason]. The
	// default: nothing is lost unnoticed.
	OverflowClose Overflow = iota
	// OverflowDropNewest drops this message when more than Limits.SendQueue would wait.
	OverflowDropNewest
	// OverflowDropOldest drops waiting droppable messages (those emitted with
	// DropNewest or DropOldest), oldest first, until this one fits into Limits.SendQueue.
	OverflowDropOldest
)

// Outgoing is one message on its way to one client or to many. It is encoded at
// most once for every form that its recipients need. It is safe for concurrent
// use; its exported fields must not be changed once it has been handed to a Conn.
// A Conn keeps neither it nor its payload when Emit or Reply have returned: the
// memory is used again. What [Outgoing.Frame] has built may be kept.
type Outgoing struct {
	// Event is the event's name; empty for the result of a request.
	Event string
	// Overflow is what to do when a recipient's queue is full.
	Overflow Overflow
	// Volatile drops the message where it could not be sent at once, see [Volatile].
	Volatile bool
	// Spread sends the elements of the payload, an array, as arguments, see [Spread].
	Spread bool
	// Uncompressed sends it without compression, see [Uncompressed].
	Uncompressed bool
	// Answer marks an event that answers a message of the client, or is a notice of
	// the framework's own. It is queued even when the send queue is full, and the
	// client is not closed for it: there is one for each message, and the next is
	// not started before the queue is half empty. Messages of Conn.Reply are always so.
	Answer bool

	value  any
	empty  bool // no payload at all, as opposed to a payload of null
	single bool // see Single
	codec  JSON // nil: the framework's own

	mu     sync.Mutex
	forms  [2]form // text, binary
	frames []frame
	bufs   [2]*bytes.Buffer // of forms
}

type form struct {
	done    bool
	payload Payload
	err     error
}

// spread marks the payload as several arguments.
func (f *form) spread() {
	if f.err != nil || f.payload.IsZero() {
		return
	}
	if f.payload.JSON[0] != '[' {
		f.err = errors.New("websockets: Spread: the payload is not an array; give the arguments as a slice, an array or []any")
		return
	}
	f.payload.Spread = true
}

type frame struct {
	key any
	val any
	err error
}

// NewOutgoing makes a message of v, which must not be changed until the last
// recipient's Emit has returned. Adapters need it in tests only.
func NewOutgoing(event string, v any) *Outgoing {
	return &Outgoing{Event: event, value: v}
}

// newOutgoing makes a message with its options applied.
func newOutgoing(event string, v any, opts []EmitOption) *Outgoing {
	o := NewOutgoing(event, v)
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// droppable reports whether the sender has agreed to its loss.
func (o *Outgoing) droppable() bool { return o.Volatile || o.Overflow != OverflowClose }

// Single reports whether the message is for one client only: what an adapter makes
// of it need not be kept for others with [Outgoing.Frame].
func (o *Outgoing) Single() bool { return o.single }

// Empty reports whether the message has no payload.
func (o *Outgoing) Empty() bool {
	if p, ok := o.value.(Payload); ok {
		return p.IsZero()
	}
	return o.empty
}

// Payload gives the encoded payload. With binary, every []byte in the value
// becomes a placeholder {"_placeholder":true,"num":n} and an attachment;
// without, it becomes base64 text. The result is shared: do not change it. It is an
// error if the value has binary and, as data, an object that clients would take for a
// placeholder.
func (o *Outgoing) Payload(binary bool) (Payload, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.payload(binary)
}

func (o *Outgoing) payload(binary bool) (Payload, error) {
	if o.empty {
		return Payload{}, nil
	}
	i := 0
	if binary && (o.forms[1].done || holdsBytes(reflect.TypeOf(o.value))) {
		i = 1
	}
	f := &o.forms[i]
	if !f.done {
		o.bufs[i] = bufferPool.Get().(*bytes.Buffer)
		f.payload, f.err = encodePayload(o.bufs[i], o.value, i == 1, o.codec)
		if o.Spread {
			f.spread()
		}
		f.done = true
	}
	return f.payload, f.err
}

// release gives back the memory of the encoded payload. Nobody may use o any more.
func (o *Outgoing) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, b := range o.bufs {
		if b == nil {
			continue
		}
		o.bufs[i] = nil
		o.forms[i] = form{done: true, err: errReleased}
		if b.Cap() <= maxPooled {
			b.Reset()
			bufferPool.Put(b)
		}
	}
}

var errReleased = errors.New("websockets: an Outgoing was kept after Emit or Reply had returned")

// maxPooled is the largest buffer kept: rare large messages should not stay.
const maxPooled = 64 << 10

var bufferPool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Frame returns what build made of the payload under key, calling build only
// the first time. Adapters keep the bytes of a broadcast here, one for every
// codec. key must be comparable; build must not call methods of o.
func (o *Outgoing) Frame(key any, binary bool, build func(event string, p Payload) (any, error)) (any, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.frames {
		if o.frames[i].key == key {
			return o.frames[i].val, o.frames[i].err
		}
	}
	f := frame{key: key}
	var p Payload
	if p, f.err = o.payload(binary); f.err == nil {
		f.val, f.err = build(o.Event, p)
	}
	o.frames = append(o.frames, f)
	return f.val, f.err
}
