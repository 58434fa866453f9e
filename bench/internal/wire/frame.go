// Package wire is the client's side of the protocols, as little of it as a load
// generator needs.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Opcode of a WebSocket frame, RFC 6455 section 5.2.
type Opcode byte

// The opcodes.
const (
	Continuation Opcode = 0
	Text         Opcode = 1
	Binary       Opcode = 2
	Close        Opcode = 8
	Ping         Opcode = 9
	Pong         Opcode = 10
)

const finBit = 0x80

// maskKey masks every frame of the client. No proxy is between client and
// server here, so one key is enough; it must not be zero, or the masking would cost nothing.
var maskKey = [4]byte{0x9d, 0x37, 0xe2, 0x58}

// AppendFrame appends a final, masked frame.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	dst = append(dst, finBit|byte(op))
	const masked = 0x80
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, masked|byte(n))
	case n <= 0xffff:
		dst = append(dst, masked|126, byte(n>>8), byte(n))
	default:
		dst = append(dst, masked|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = append(dst, maskKey[:]...)
	start := len(dst)
	dst = append(dst, payload...)
	for i := range payload {
		dst[start+i] ^= maskKey[i&3]
	}
	return dst
}

// Frame is one frame of the server. Its payload lies in the input.
type Frame struct {
	Op      Opcode
	Final   bool
	Payload []byte
}

// ErrShort means that the input ends within a frame.
var ErrShort = errors.New("the frame is not complete")

// NextFrame takes the first frame from b.
func NextFrame(b []byte) (f Frame, rest []byte, err error) {
	if len(b) < 2 {
		return f, b, ErrShort
	}
	if b[0]&0x70 != 0 || b[1]&0x80 != 0 {
		return f, b, fmt.Errorf("a frame of the server starts with %#x %#x: reserved or mask bits are set", b[0], b[1])
	}
	size, head := uint64(b[1]), 2
	switch {
	case size == 126 && len(b) >= 4:
		size, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case size == 127 && len(b) >= 10:
		size, head = binary.BigEndian.Uint64(b[2:]), 10
	case size >= 126:
		return f, b, ErrShort
	}
	if uint64(len(b)-head) < size {
		return f, b, ErrShort
	}
	end := head + int(size)
	return Frame{Op: Opcode(b[0] & 15), Final: b[0]&finBit != 0, Payload: b[head:end]}, b[end:], nil
}
