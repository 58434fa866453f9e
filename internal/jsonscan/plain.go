// Package jsonscan checks JSON text without decoding it, for protocols that pass payloads on.
package jsonscan

import (
	"bytes"
	"encoding/binary"
)

const (
	// Near is how many bytes of a string a scanner reads itself before it calls Plain:
	// most strings are shorter.
	Near = 64

	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	chunk = 512
)

// Plain returns the index, from i on, of the first byte that a string literal does not
// contain as it is: a quote, a backslash or a control character; len(b) without one.
func Plain(b []byte, i int) int {
	i, _ = Run(b, i)
	return i
}

// Run is [Plain], and returns the bytes before that index joined by a bitwise or, eight at a
// time: if no byte of it has the high bit, all are ASCII. In long text the vector instructions
// of package bytes find quotes and backslashes several times faster than a loop. It works in
// chunks: otherwise a distant quote would be searched again after each backslash.
func Run(b []byte, i int) (end int, bits uint64) {
	for i < len(b) {
		p := b[i:min(len(b), i+chunk)]
		if q := bytes.IndexByte(p, '"'); q >= 0 {
			p = p[:q]
		}
		if s := bytes.IndexByte(p, '\\'); s >= 0 {
			p = p[:s]
		}
		c, more := control(p)
		bits |= more
		if c < len(p) || len(p) < chunk {
			return i + c, bits
		}
		i += chunk
	}
	return i, bits
}

// control returns the index of the first control character, len(p) without one, and the bytes
// before it joined.
func control(p []byte) (end int, bits uint64) {
	i := 0
	for ; i+32 <= len(p); i += 32 {
		q := p[i : i+32]
		w0, w1 := binary.LittleEndian.Uint64(q), binary.LittleEndian.Uint64(q[8:])
		w2, w3 := binary.LittleEndian.Uint64(q[16:]), binary.LittleEndian.Uint64(q[24:])
		if ((w0-0x20*ones)&^w0|(w1-0x20*ones)&^w1|(w2-0x20*ones)&^w2|(w3-0x20*ones)&^w3)&highs != 0 {
			break
		}
		bits |= w0 | w1 | w2 | w3
	}
	for ; i < len(p); i++ {
		if p[i] < 0x20 {
			return i, bits
		}
		bits |= uint64(p[i])
	}
	return i, bits
}
