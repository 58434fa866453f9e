package adapter

import (
	"bytes"
	"errors"
	"reflect"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/payload"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Outgoing is one message that is sent to one client or to many. It is encoded at most once
// for every form that its recipients need. It is safe for concurrent use; its exported
// fields must not be changed once it has been passed to a Conn. A Conn keeps neither it nor
// its payload when Emit or Reply have returned, because the memory is reused. What
// [Outgoing.Frame] has built may be kept.
type Outgoing struct {
	// Event is the event's name; empty for the result of a request.
	Event string
	// Options are those of the event: Overflow, Volatile, Spread, Uncompressed.
	emit.Options
	// Answer marks an event that answers a message of the client, or is a notice of the
	// framework's own. It is queued even when the send queue is full, and the client is not
	// closed for it: each message has at most one, and the next message is not started
	// before the queue is half empty. Messages of Conn.Reply are always answers.
	Answer bool
	// InReplyTo is the message whose stream the event is an item of; nil for other events.
	// Platforms whose protocol names requests send it, so that the client finds the request.
	InReplyTo *Message

	value  any
	empty  bool // no payload at all, as opposed to a payload of null
	single bool // see Single
	codec  websockets.JSON

	mu     sync.Mutex
	forms  [2]form // text, binary
	frames []frame
	bufs   [2]*bytes.Buffer // of forms
}

type form struct {
	done    bool
	payload websockets.Payload
	err     error
}

// spread marks the payload as several arguments.
func (f *form) spread() {
	if f.err != nil || f.payload.IsZero() {
		return
	}
	if f.payload.JSON[0] != '[' {
		f.err = errors.New("websockets: Spread: the payload is not an array: pass the arguments as a slice, an array or []any")
		return
	}
	f.payload.Spread = true
}

type frame struct {
	key any
	val any
	err error
}

// NewOutgoing returns a message of v, which must not be changed until the last recipient's
// Emit has returned. Adapters need it in tests only.
func NewOutgoing(event string, v any) *Outgoing {
	return &Outgoing{Event: event, value: v}
}

// NewEmptyAnswer returns the answer without a payload.
func NewEmptyAnswer() *Outgoing { return &Outgoing{empty: true} }

// Value returns the payload before it is encoded.
func (o *Outgoing) Value() any { return o.value }

// SetCodec sets the codec of the payload; nil is the framework's own.
func (o *Outgoing) SetCodec(_ seal.Framework, codec websockets.JSON) { o.codec = codec }

// Codec returns the codec of the payload.
func (o *Outgoing) Codec(seal.Framework) websockets.JSON { return o.codec }

// SetSingle marks a message for one client.
func (o *Outgoing) SetSingle(seal.Framework) { o.single = true }

// Single reports whether the message is for one client only: what an adapter makes of it
// need not be kept for others with [Outgoing.Frame].
func (o *Outgoing) Single() bool { return o.single }

// Empty reports whether the message has no payload.
func (o *Outgoing) Empty() bool {
	if p, ok := o.value.(websockets.Payload); ok {
		return p.IsZero()
	}
	return o.empty
}

// Payload returns the encoded payload. With binary, every []byte in the value becomes a
// placeholder {"_placeholder":true,"num":n} and an attachment; without, it becomes base64
// text. The result is shared: do not change it. It is an error if the value has binary and,
// as data, an object that clients would take for a placeholder.
func (o *Outgoing) Payload(binary bool) (websockets.Payload, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.payload(binary)
}

func (o *Outgoing) payload(binary bool) (websockets.Payload, error) {
	if o.empty {
		return websockets.Payload{}, nil
	}
	i := 0
	if binary && (o.forms[1].done || payload.HasBytes(reflect.TypeOf(o.value))) {
		i = 1
	}
	f := &o.forms[i]
	if !f.done {
		o.bufs[i] = bufferPool.Get().(*bytes.Buffer)
		f.payload, f.err = o.encode(o.bufs[i], i == 1)
		if o.Spread {
			f.spread()
		}
		f.done = true
	}
	return f.payload, f.err
}

// encode encodes the value into buf, unless it is encoded already.
func (o *Outgoing) encode(buf *bytes.Buffer, binary bool) (websockets.Payload, error) {
	p, ok := o.value.(websockets.Payload)
	if !ok {
		raw, err := payload.Encode(buf, o.value, binary, o.codec)
		return websockets.Payload{JSON: raw.JSON, Attachments: raw.Attachments}, err
	}
	raw := payload.Raw{JSON: p.JSON, Attachments: p.Attachments}
	if binary || len(p.Attachments) == 0 {
		return p, raw.Check()
	}
	text, err := raw.Inline()
	return websockets.Payload{JSON: text}, err
}

// Release reuses the memory of the encoded payload. o must not be used afterwards.
func (o *Outgoing) Release(seal.Framework) {
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

// maxPooled is the largest buffer kept: rare large messages should not stay in memory.
const maxPooled = 64 << 10

var bufferPool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Frame returns what build made of the payload under key; it calls build only the first
// time. Adapters keep the bytes of a broadcast here, one for every codec. key must be
// comparable; build must not call methods of o.
func (o *Outgoing) Frame(key any, binary bool, build func(event string, p websockets.Payload) (any, error)) (any, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.frames {
		if o.frames[i].key == key {
			return o.frames[i].val, o.frames[i].err
		}
	}
	f := frame{key: key}
	var p websockets.Payload
	if p, f.err = o.payload(binary); f.err == nil {
		f.val, f.err = build(o.Event, p)
	}
	o.frames = append(o.frames, f)
	return f.val, f.err
}
