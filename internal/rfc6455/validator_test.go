package rfc6455

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

var testMask = [4]byte{1, 2, 3, 4}

// rawFrame returns a frame as a client sends it.
func rawFrame(first byte, payload []byte) []byte {
	return []byte(rawpeer.Frame{First: first, Payload: string(payload), Mask: testMask}.Bytes())
}

// feed follows p and returns how many bytes came before an error, or before the last byte
// of a close frame.
func (v *Validator) feed(p []byte) (pass int, err error) {
	for i := 0; i < len(p); {
		st, err := v.Step(p[i:])
		if err != nil {
			return i + st.N, err
		}
		if st.Payload && v.header.Opcode() == OpClose {
			v.AddControl(p[i : i+st.N])
		}
		i += st.N
		if !st.End {
			continue
		}
		if v.header.Opcode() == OpClose {
			return i - 1, v.ParseClose()
		}
		v.EndFrame()
	}
	return len(p), nil
}

// However the bytes are cut, the validator finds the same error, at the same byte.
func FuzzValidator(f *testing.F) {
	f.Add([]byte("\x81\x82\x00\x00\x00\x00{}"), 1)
	f.Add(append(rawFrame(OpText, []byte("a")), rawFrame(Fin|OpClose, []byte("\x03\xe8"))...), 3)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		whole := Validator{MaxMessage: 100, MaxFragments: 5}
		passWhole, errWhole := whole.feed(b)
		if passWhole != len(b) && errWhole == nil {
			t.Fatal("bytes were withheld without an error")
		}
		step = max(1, min(step, 1000))
		cut, pass := Validator{MaxMessage: 100, MaxFragments: 5}, 0
		var err error
		for i := 0; i < len(b) && err == nil; i += step {
			var n int
			n, err = cut.feed(b[i:min(i+step, len(b))])
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

func TestValidatorErrors(t *testing.T) {
	text := string(rawFrame(OpText, []byte("a"))) // the first of several fragments
	for in, want := range map[string]string{
		"\xa1":                             "websocket: reserved bits are set (close code 1002)",
		"\xc1":                             "websocket: reserved bits are set (close code 1002)",
		"\x83":                             "websocket: unknown opcode 3 (close code 1002)",
		"\x80":                             "websocket: a continuation frame without a message (close code 1002)",
		"\x09":                             "websocket: a fragmented control frame (close code 1002)",
		"\x81\x01":                         "websocket: a frame without mask (close code 1002)",
		"\x89\xfe":                         "websocket: a control frame over 125 bytes (close code 1002)",
		"\x81\xff\x80":                     "websocket: a negative payload length (close code 1002)",
		"\x81\xfe\x01\x00\x00\x00\x00\x00": "websocket: message too big (close code 1009)",
		"\x81\xfe\x00\x7d\x00\x00\x00\x00": "websocket: a payload length that is longer than necessary (close code 1002)",
		"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00": "websocket: a payload length that is longer than necessary (close code 1002)",
		text + text: "websocket: a new message before the last fragment of another (close code 1002)",
		text + strings.Repeat("\x00\x80\x00\x00\x00\x00", 5): "websocket: too many fragments (close code 1008)",
	} {
		v := Validator{MaxMessage: 100, MaxFragments: 5}
		if _, err := v.feed([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%q:\n got  %v\n want %s", in, err, want)
		}
	}
}

// Compressed messages have RSV1 and may be slightly longer than the limit.
func TestValidatorDeflate(t *testing.T) {
	v := Validator{MaxMessage: 100, Deflate: true}
	b := rawFrame(Fin|Rsv1|OpText, make([]byte, 160))
	if pass, err := v.feed(b); err != nil || pass != len(b) || v.Messages() != 1 || !v.AtRest() {
		t.Errorf("%d of %d bytes, %v", pass, len(b), err)
	}
	if _, err := v.feed(rawFrame(Fin|Rsv1|OpText, make([]byte, 170))); err == nil {
		t.Error("a compressed message has no limit")
	}
}

func TestValidatorClose(t *testing.T) {
	v := Validator{MaxMessage: 100}
	b := append(rawFrame(Fin|OpBinary, []byte("x")), rawFrame(Fin|OpClose, []byte("\x0f\xa0bye"))...)
	pass, err := v.feed(b)
	closed, ok := errors.AsType[*CloseError](err)
	if !ok || closed.Code != 4000 || closed.Text != "bye" || pass != len(b)-1 {
		t.Errorf("%d of %d bytes, %v", pass, len(b), err)
	}
}
