// Package jsonscan checks JSON text without decoding it, for protocols that pass payloads on.
package jsonscan

import (
	"bytes"
	"encoding/binary"
)

const (
	// Near is how much of a string a scanner looks at itself before it asks for Plain:
	// most strings end there.
	Near = 64

	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	chunk = 512
)

// Plain gives where, from i on, the first byte of a string literal is that is not just
// text: a quote, a backslash or a control character; len(b) when there is none. In
// long text the library's vector instructions find the first two several times faster
// than loops. It goes by chunks, because what one call finds far away is found again by
// the call after each backslash.
func Plain(b []byte, i int) int {
	for i < len(b) {
		p := b[i:min(len(b), i+chunk)]
		if q := bytes.IndexByte(p, '"'); q >= 0 {
			p = p[:q]
		}
		if s := bytes.IndexByte(p, '\\'); s >= 0 {
			p = p[:s]
		}
		if c := control(p); c < len(p) || len(p) < chunk {
			return i + c
		}
		i += chunk
	}
	return i
}

// control gives where the first control character is, len(p) when there is none.
func control(p []byte) int {
	i := 0
	for ; i+32 <= len(p); i += 32 {
		q := p[i : i+32]
		w0, w1 := binary.LittleEndian.Uint64(q), binary.LittleEndian.Uint64(q[8:])
		w2, w3 := binary.LittleEndian.Uint64(q[16:]), binary.LittleEndian.Uint64(q[24:])
		if ((w0-0x20*ones)&^w0|(w1-0x20*ones)&^w1|(w2-0x20*ones)&^w2|(w3-0x20*ones)&^w3)&highs != 0 {
			break
		}
	}
	for ; i < len(p); i++ {
		if p[i] < 0x20 {
			return i
		}
	}
	return i
}
