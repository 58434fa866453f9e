package wsconn

import (
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// HeaderRoom is how many bytes [Seal] needs before a payload: the longest header of a
// frame that a server sends.
const HeaderRoom = rfc6455.MaxHeader

// Frame is a message with its header, RFC 6455 §5.2, ready to be written to any number
// of connections. It does not change.
type Frame struct {
	bytes   []byte
	payload int // where the payload starts
	op      byte
	own     []byte // its memory, when that is pooled

	deflated atomic.Pointer[deflated] // see compressed
}

// Seal returns a frame in buf, whose first HeaderRoom bytes are free for the header. It
// takes ownership of buf.
func Seal(text bool, buf []byte) *Frame {
	f := &Frame{}
	f.seal(text, buf)
	return f
}

func (f *Frame) seal(text bool, buf []byte) {
	op := byte(rfc6455.OpBinary)
	if text {
		op = rfc6455.OpText
	}
	start := rfc6455.PutHeader(op, buf)
	f.bytes, f.payload, f.op = buf[start:], HeaderRoom-start, op
}

// SealCopy returns a frame of a copy of payload.
func SealCopy(text bool, payload []byte) *Frame {
	return Seal(text, append(make([]byte, HeaderRoom, HeaderRoom+len(payload)), payload...))
}

// Payload returns the message; it must not be changed.
func (f *Frame) Payload() []byte { return f.bytes[f.payload:] }

// Text reports whether the message is text rather than binary.
func (f *Frame) Text() bool { return f.op == rfc6455.OpText }
