package rfc6455

import (
	"bytes"
	"testing"
)

// A header reads as it was written, for every form of the length.
func TestPutHeader(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 0xffff, 0x10000} {
		buf := make([]byte, MaxHeader+n)
		frame := buf[PutHeader(OpBinary, buf):]
		var h Header
		i := 0
		for !h.Add(frame[i]) {
			i++
		}
		if !h.Fin() || h.Control() || h.Opcode() != OpBinary || h.Length() != uint64(n) || len(frame)-i-1 != n {
			t.Errorf("%d bytes: % x", n, frame[:min(14, len(frame))])
		}
	}
}

func TestControlFrame(t *testing.T) {
	if got := ControlFrame(OpPing, []byte("hi")); !bytes.Equal(got, []byte("\x89\x02hi")) {
		t.Errorf("% x", got)
	}
}

// Only a whole masked message is recognized, and the validator agrees about it.
func FuzzWholeMessage(f *testing.F) {
	f.Add(rawFrame(Fin|OpText, []byte("hello")))
	f.Add(append(rawFrame(Fin|OpBinary, make([]byte, 126)), 0x81))
	f.Add(rawFrame(OpText, []byte("part")))
	f.Add(rawFrame(Fin|OpPing, []byte("ping")))
	f.Add([]byte("\x81\xff\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00a"))
	f.Fuzz(func(t *testing.T, p []byte) {
		const limit = 200
		start, end := WholeMessage(p, limit)
		if end == 0 {
			return
		}
		v := Validator{MaxMessage: limit}
		if pass, err := v.feed(p[:end]); err != nil || pass != end || v.Messages() != 1 || !v.AtRest() {
			t.Fatalf("% x: %d bytes passed, %v", p[:end], pass, err)
		}
		if n := uint64(end - start); v.header.need != 0 && v.header.Length() != n {
			t.Fatalf("% x: a payload of %d bytes", p[:end], n)
		}
	})
}
