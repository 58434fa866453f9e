package wsconn

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testMask = [4]byte{1, 2, 3, 4}

// rawFrame is a frame as a client sends it.
func rawFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = append(b, 0x80|byte(n))
	}
	b = append(b, testMask[:]...)
	for i, c := range payload {
		b = append(b, c^testMask[i&3])
	}
	return b
}

func TestCloseFrameText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"bye", "bye"}, {strings.Repeat("x", 200), strings.Repeat("x", 123)},
		{strings.Repeat("é", 100), strings.Repeat("é", 61)}, {"\xff", ""},
	} {
		b := closeFrame(1000, tt.in)
		if got := string(b[4:]); got != tt.want || int(b[1]) != len(b)-2 {
			t.Errorf("%q became %q", tt.in, got)
		}
	}
	if b := closeFrame(websocket.StatusNoStatusRcvd, "x"); len(b) != 2 {
		t.Errorf("no code became % x", b)
	}
}

// However the bytes are cut, the inspector sees the same, and lets through what
// comes before its objection only.
func FuzzInspector(f *testing.F) {
	f.Add([]byte("\x81\x82\x00\x00\x00\x00{}"), 1)
	f.Add(append(rawFrame(opText, []byte("a")), rawFrame(0x80|opClose, []byte("\x03\xe8"))...), 3)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		whole := inspector{maxMessage: 100, maxFragments: 5}
		passWhole, _, errWhole := whole.feed(b)
		if passWhole != len(b) && errWhole == nil {
			t.Fatal("bytes were withheld without an error")
		}
		step = max(1, min(step, 1000))
		cut, pass := inspector{maxMessage: 100, maxFragments: 5}, 0
		var err error
		for i := 0; i < len(b) && err == nil; i += step {
			var n int
			n, _, err = cut.feed(b[i:min(i+step, len(b))])
			pass += n
		}
		if (err == nil) != (errWhole == nil) || err != nil && err.Error() != errWhole.Error() {
			t.Fatalf("whole: %v, in steps of %d: %v", errWhole, step, err)
		}
		if pass != passWhole {
			t.Fatalf("whole: %d bytes, in steps of %d: %d", passWhole, step, pass)
		}
	})
}

func TestTokens(t *testing.T) {
	if hasToken([]string{"a, b"}, "c") || !hasToken([]string{"x", "a , UPGRADE "}, "upgrade") {
		t.Error("hasToken is wrong")
	}
}

// A sealed frame reads as what was sealed, for every form of the length.
func TestSeal(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 0xffff, 0x10000} {
		payload := strings.Repeat("x", n)
		for _, text := range []bool{true, false} {
			f := SealCopy(text, []byte(payload))
			var h header
			i := 0
			for !h.add(f.bytes[i]) {
				i++
			}
			if !h.fin() || h.length() != uint64(n) || string(f.bytes[i+1:]) != payload || string(f.Payload()) != payload ||
				f.Text() != text || f.Text() != (h.op() == opText) || f.Size() != len(f.bytes) {
				t.Errorf("%d bytes, text %v: % x", n, text, f.bytes[:min(14, len(f.bytes))])
			}
		}
	}
}
