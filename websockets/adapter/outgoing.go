package adapter

import (
	"bytes"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/codec"
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
	// Options are those of the event, see [EmitOptions].
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
	// position is that of SetPosition plus 1; 0 without.
	position uint64
	codec    websockets.JSON
	plain    PlainValue

	// What is made is read without mu, so that the recipients of a broadcast share no lock: a
	// form is complete before done is set, a frame before frames points to it, and neither
	// changes from then on. An atomic store happens before the load that sees it.
	mu     sync.Mutex            // held while a form or a frame is made
	forms  [2]form               // text, binary
	frames atomic.Pointer[frame] // the newest
	bufs   [2]*bytes.Buffer      // of forms
}

// EmitOptions are the options of one event, as Outgoing has them:
//
//   - Overflow is what to do when the client's queue is full, see [websockets.Overflow].
//   - Volatile: drop the event unless it can be sent at once, see [Conn].
//   - Spread: the payload is several arguments; [Outgoing.Payload] has marked it.
//   - Uncompressed: send it without compression.
//
// Its method Droppable reports whether the sender accepts that the event is lost: with
// Volatile, or an Overflow other than OverflowClose.
type EmitOptions = emit.Options

type form struct {
	done    atomic.Bool
	payload websockets.Payload
	err     error
}

// arguments is a [websockets.Args2] or its like.
type arguments interface{ Arguments(f seal.Framework) []any }

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
	key  any
	val  any
	err  error
	next *frame // an older one
}

// find returns the frame with the key, from f on; nil when there is none.
func (f *frame) find(key any) *frame {
	for f != nil && f.key != key {
		f = f.next
	}
	return f
}

// NewOutgoing returns a message of v, which must not be changed until the last recipient's
// Emit has returned. Adapters need it in tests only.
func NewOutgoing(event string, v any) *Outgoing {
	return &Outgoing{Event: event, value: v}
}

// Reset forgets everything about a message that was released.
func (o *Outgoing) Reset(seal.Framework) { *o = Outgoing{} }

// Set makes o, which is zero or was reset, a message of v.
func (o *Outgoing) Set(_ seal.Framework, event string, v any) { o.Event, o.value = event, v }

// PlainValue is how a value without binary and without several arguments is encoded.
type PlainValue struct {
	Encoder *codec.Encoder // of its type
	Size    *atomic.Int32  // how long such values usually are, in bytes; it is updated
}

// SetPlain says how the value is encoded. Its errors are those of AppendJSON and Payload, and no Prepare is needed.
func (o *Outgoing) SetPlain(_ seal.Framework, p PlainValue) { o.plain = p }

// Appends reports whether [Outgoing.AppendJSON] encodes the payload where it belongs, rather than copying it; then it is
// not empty.
func (o *Outgoing) Appends() bool { return o.plain.Encoder != nil && !o.forms[0].done.Load() }

// ExpectedSize is how many bytes AppendJSON may append, for a buffer.
func (o *Outgoing) ExpectedSize() int {
	if o.Appends() {
		return int(o.plain.Size.Load())
	}
	return len(o.forms[0].payload.JSON)
}

// AppendJSON appends what [Outgoing.Payload] returns without binary to dst, and returns the extended buffer; with an
// error dst is of no use. It is for one client: it must not be called concurrently.
func (o *Outgoing) AppendJSON(dst []byte) ([]byte, error) {
	if !o.Appends() {
		p, err := o.Payload(false)
		return append(dst, p.JSON...), err
	}
	start := len(dst)
	dst, err := payload.Append(dst, o.value, o.plain.Encoder)
	if err != nil {
		f := &o.forms[0]
		f.err = err
		f.done.Store(true)
		return dst, err
	}
	if n, usual := int32(len(dst)-start), o.plain.Size.Load(); n > usual || n < usual/2 {
		o.plain.Size.Store(n)
	}
	return dst, nil
}

// EncodeError returns the error of encoding the value, if that was tried.
func (o *Outgoing) EncodeError(seal.Framework) error {
	for i := range o.forms {
		if f := &o.forms[i]; f.done.Load() && f.err != nil {
			return f.err
		}
	}
	return nil
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

// SetPosition sets the position of an event of a log, see [Log]; 0 for one of which clients get none.
func (o *Outgoing) SetPosition(_ seal.Framework, position uint64) { o.position = position + 1 }

// Position returns the position of an event of a log, see [Log]; known is false for what is not kept in one.
func (o *Outgoing) Position() (position uint64, known bool) {
	return o.position - min(o.position, 1), o.position > 0
}

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

// Prepare encodes the payload before the message is passed to a Conn, and returns the error
// of that. It must not be called concurrently with any other method.
func (o *Outgoing) Prepare(_ seal.Framework, binary bool) error {
	if o.empty {
		return nil
	}
	return o.complete(o.formOf(binary)).err
}

// Payload returns the encoded payload. With binary, every []byte in the value becomes a
// placeholder {"_placeholder":true,"num":n} and an attachment; without, it becomes base64
// text. The result is shared: do not change it. It may have line breaks, where the application
// sends a [websockets.Payload] that has them. It is an error if the value has binary and,
// as data, an object that clients would take for a placeholder.
func (o *Outgoing) Payload(binary bool) (websockets.Payload, error) {
	if o.empty {
		return websockets.Payload{}, nil
	}
	i := o.formOf(binary)
	if f := &o.forms[i]; f.done.Load() {
		return f.payload, f.err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.complete(i)
	return f.payload, f.err
}

// formOf returns the index of a form: values without []byte have only the first.
func (o *Outgoing) formOf(binary bool) int {
	if binary && o.plain.Encoder == nil && (o.forms[1].done.Load() || payload.HasBytes(reflect.TypeOf(o.value))) {
		return 1
	}
	return 0
}

// complete encodes a form unless that is done; o.mu is held, or no other goroutine has o.
func (o *Outgoing) complete(i int) *form {
	f := &o.forms[i]
	if !f.done.Load() {
		o.bufs[i] = bufferPool.Get().(*bytes.Buffer)
		f.payload, f.err = o.encode(o.bufs[i], i == 1)
		if o.plain.Encoder == nil {
			if _, several := o.value.(arguments); o.Spread || several {
				f.spread()
			}
		}
		f.done.Store(true)
	}
	return f
}

// encode encodes the value into buf, unless it is encoded already.
func (o *Outgoing) encode(buf *bytes.Buffer, binary bool) (websockets.Payload, error) {
	if o.plain.Encoder != nil {
		b, err := payload.Append(buf.AvailableBuffer(), o.value, o.plain.Encoder)
		*buf = *bytes.NewBuffer(b)
		return websockets.Payload{JSON: b}, err
	}
	p, ok := o.value.(websockets.Payload)
	if !ok {
		v := o.value
		if a, several := v.(arguments); several {
			v = a.Arguments(seal.Framework{})
		}
		raw, err := payload.Encode(buf, v, binary, o.codec)
		return websockets.Payload{JSON: raw.JSON, Attachments: raw.Attachments}, err
	}
	raw := payload.Raw{JSON: p.JSON, Attachments: p.Attachments}
	if binary || len(p.Attachments) == 0 {
		return p, raw.Check()
	}
	text, err := raw.Inline()
	return websockets.Payload{JSON: text}, err
}

// Release reuses the memory of the encoded payload. Every Emit and Reply has returned, and
// o must not be used afterwards, so it needs no lock.
func (o *Outgoing) Release(seal.Framework) {
	for i, b := range o.bufs {
		if b == nil {
			continue
		}
		o.bufs[i] = nil
		o.forms[i].payload, o.forms[i].err = websockets.Payload{}, errReleased
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
	f := o.frames.Load().find(key)
	if f == nil {
		f = o.build(key, binary, build)
	}
	return f.val, f.err
}

// build makes the frame of a key, unless another goroutine has just made it.
func (o *Outgoing) build(key any, binary bool, build func(event string, p websockets.Payload) (any, error)) *frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	newest := o.frames.Load()
	if f := newest.find(key); f != nil {
		return f
	}
	f := &frame{key: key, next: newest}
	var p websockets.Payload
	if !o.empty {
		form := o.complete(o.formOf(binary))
		p, f.err = form.payload, form.err
	}
	if f.err == nil {
		f.val, f.err = build(o.Event, p)
	}
	o.frames.Store(f)
	return f
}
