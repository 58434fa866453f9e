package rfc6455

import "encoding/binary"

// Header collects the header of one frame byte by byte. The zero value is ready to use.
type Header struct {
	buf  [14]byte
	n    int // bytes of buf that are set
	need int // bytes of the whole header; known once n is 2
}

// Add adds the next byte and reports whether the header is complete.
func (h *Header) Add(c byte) bool {
	h.buf[h.n] = c
	h.n++
	if h.n == 2 {
		h.need = 2
		switch c & 0x7f {
		case 126:
			h.need += 2
		case 127:
			h.need += 8
		}
		if c&0x80 != 0 {
			h.need += 4
		}
	}
	return h.n >= 2 && h.n == h.need
}

// Reset prepares for the next header.
func (h *Header) Reset() { h.n = 0 }

// Empty reports whether no byte was added.
func (h *Header) Empty() bool { return h.n == 0 }

// Fin reports whether the frame is the last one of its message.
func (h *Header) Fin() bool { return h.buf[0]&Fin != 0 }

// Opcode returns the opcode.
func (h *Header) Opcode() byte { return h.buf[0] & 0x0f }

// Control reports whether the frame is a control frame.
func (h *Header) Control() bool { return h.buf[0]&0x08 != 0 }

// Length returns the length of the payload. The header must be complete.
func (h *Header) Length() uint64 {
	switch l := h.buf[1] & 0x7f; l {
	case 126:
		return uint64(binary.BigEndian.Uint16(h.buf[2:]))
	case 127:
		return binary.BigEndian.Uint64(h.buf[2:])
	default:
		return uint64(l)
	}
}

// minimal reports whether the length is written in as few bytes as it needs. The header must
// be complete.
func (h *Header) minimal() bool {
	switch h.buf[1] & 0x7f {
	case 126:
		return h.Length() > 125
	case 127:
		return h.Length() > 0xffff
	default:
		return true
	}
}

// mask returns the masking key of a complete header that has one.
func (h *Header) mask() [4]byte { return [4]byte(h.buf[h.need-4 : h.need]) }

// PutHeader writes the header of an unfragmented frame directly before the payload and
// returns where it starts. The first [MaxHeader] bytes of buf are free for it; the rest
// is the payload.
func PutHeader(opcode byte, buf []byte) (start int) {
	n := len(buf) - MaxHeader
	start = MaxHeader - 2
	switch {
	case n > 0xffff:
		start = 0
		buf[1] = 127
		binary.BigEndian.PutUint64(buf[2:], uint64(n))
	case n > 125:
		start = MaxHeader - 4
		buf[start+1] = 126
		binary.BigEndian.PutUint16(buf[start+2:], uint16(n))
	default:
		buf[start+1] = byte(n)
	}
	buf[start] = Fin | opcode
	return start
}

// MaxMaskedHeader is the size of the largest header of a client.
const MaxMaskedHeader = MaxHeader + 4

// PutMaskedHeader is [PutHeader] for a frame of a client, whose mask is zero and thus changes
// nothing. The first [MaxMaskedHeader] bytes of buf are free for it. opcode may have RSV bits.
func PutMaskedHeader(opcode byte, buf []byte) (start int) {
	start = PutHeader(opcode, buf[:len(buf)-4])
	buf[start+1] |= 0x80
	clear(buf[MaxHeader:MaxMaskedHeader])
	return start
}

// ControlFrame returns a control frame. The payload has at most [MaxControl] bytes.
func ControlFrame(opcode byte, payload []byte) []byte {
	return append(append(make([]byte, 0, 2+len(payload)), Fin|opcode, byte(len(payload))), payload...)
}

// WholeMessage returns where the payload of the frame at the start of p starts and ends,
// if that frame is a whole masked message without RSV bits, lies completely in p, and
// has a payload of at most maxMessage bytes. Otherwise end is 0. Payloads of 64 KiB and
// more are never recognized.
func WholeMessage(p []byte, maxMessage int64) (start, end int) {
	if len(p) < 6 || p[0] != Fin|OpText && p[0] != Fin|OpBinary || p[1]&0x80 == 0 {
		return 0, 0
	}
	n := int(p[1] & 0x7f)
	start = 6
	switch n {
	case 126:
		if n = int(binary.BigEndian.Uint16(p[2:])); n <= 125 {
			return 0, 0 // the validator rejects it
		}
		start = 8
	case 127:
		return 0, 0
	}
	if end = start + n; end > len(p) || int64(n) > maxMessage {
		return 0, 0
	}
	return start, end
}
