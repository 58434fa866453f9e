package wsconn

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// HeaderRoom is what [Seal] needs free before a payload: the longest header of
// a frame that a server sends, which is not masked.
const HeaderRoom = 10

// Frame is a message with the header of RFC 6455 §5.2 before it, ready to be
// written to any number of connections. It is immutable.
type Frame struct {
	bytes   []byte
	payload int // where the payload begins
	op      byte
	own     []byte // its memory, when that is pooled
}

// Seal makes a frame of buf, whose first HeaderRoom bytes are free for the
// header. It takes ownership of buf.
func Seal(text bool, buf []byte) *Frame {
	f := &Frame{}
	f.seal(text, buf)
	return f
}

func (f *Frame) seal(text bool, buf []byte) {
	op := byte(opBinary)
	if text {
		op = opText
	}
	n := len(buf) - HeaderRoom
	start := HeaderRoom - 2
	switch {
	case n > 0xffff:
		start = 0
		buf[1] = 127
		binary.BigEndian.PutUint64(buf[2:], uint64(n))
	case n > maxControl:
		start = HeaderRoom - 4
		buf[start+1] = 126
		binary.BigEndian.PutUint16(buf[start+2:], uint16(n))
	default:
		buf[start+1] = byte(n)
	}
	buf[start] = 0x80 | op
	f.bytes, f.payload, f.op = buf[start:], HeaderRoom-start, op
}

// SealCopy makes a frame of a copy of payload.
func SealCopy(text bool, payload []byte) *Frame {
	return Seal(text, append(make([]byte, HeaderRoom, HeaderRoom+len(payload)), payload...))
}

// Payload is the message; it must not be changed.
func (f *Frame) Payload() []byte { return f.bytes[f.payload:] }

// Text tells a text message from a binary one.
func (f *Frame) Text() bool { return f.op == opText }

// Size is the number of bytes on the wire.
func (f *Frame) Size() int { return len(f.bytes) }

// controlFrame makes a control frame; the payload must not be over maxControl.
func controlFrame(op byte, payload []byte) []byte {
	return append(append(make([]byte, 0, 2+len(payload)), 0x80|op, byte(len(payload))), payload...)
}

// closeFrame makes a close frame; without a sendable code it is empty, and the
// text is cut to what fits.
func closeFrame(code websocket.StatusCode, text string) []byte {
	if !sendable(code) {
		return controlFrame(opClose, nil)
	}
	p := binary.BigEndian.AppendUint16(nil, uint16(code))
	return controlFrame(opClose, append(p, clip(text)...))
}

// clip cuts a close reason to the 123 bytes that fit, and makes it UTF-8.
func clip(text string) string {
	const room = maxControl - 2
	if len(text) > room {
		n := room
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	if !utf8.ValidString(text) {
		return ""
	}
	return text
}

// unmask takes the mask off p, RFC 6455 §5.3, of which at bytes came before.
func unmask(p []byte, key [4]byte, at uint64) {
	for ; len(p) > 0 && at&3 != 0; at++ {
		p[0] ^= key[at&3]
		p = p[1:]
	}
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	for len(p) >= 32 {
		q := p[:32]
		binary.LittleEndian.PutUint64(q, binary.LittleEndian.Uint64(q)^k)
		binary.LittleEndian.PutUint64(q[8:], binary.LittleEndian.Uint64(q[8:])^k)
		binary.LittleEndian.PutUint64(q[16:], binary.LittleEndian.Uint64(q[16:])^k)
		binary.LittleEndian.PutUint64(q[24:], binary.LittleEndian.Uint64(q[24:])^k)
		p = p[32:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= key[i&3]
	}
}
