package frames_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// fault is what a client sends after a valid message, and the expected close code.
type fault struct {
	name  string
	bytes string
	code  int
}

// closed sends each fault at once and byte by byte (F29), on both platforms: after a message that must be handled,
// and before one that must not.
func closed(t *testing.T, faults []fault) {
	t.Helper()
	lines(t, options{fragments: 10}, func(t *testing.T, l *line) {
		for _, tt := range faults {
			for _, slice := range []int{1 << 20, 1} {
				before := len(l.Reasons())
				p := l.open()
				l.echo(p, "before")
				events := l.Events()
				_ = p.TrySlices(tt.bytes, slice) // the server may close before the end
				_ = p.TryWrite(text(l.message("noop", "after")))
				code, word := p.Closed()
				p.Close()
				if code != tt.code {
					t.Errorf("%s, in slices of %d: closed with %d %q, want %d", tt.name, slice, code, word, tt.code)
				}
				r := l.WantGone(before + 1)[before]
				want := websockets.CauseParseError
				if tt.code == 1009 {
					want = websockets.CauseMessageTooBig
				}
				if r.Cause != want || r.Code != tt.code || r.Text == "" {
					t.Errorf("%s: the gateway got %+v, want %q with %d and a text", tt.name, r, want, tt.code)
				}
				if l.Events() != events {
					t.Errorf("%s: %d messages were handled after it", tt.name, l.Events()-events)
				}
			}
		}
		l.alive()
	})
}

const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00"

// TestFault_F20_Unmasked: A frame without a mask closes the connection with 1002.
func TestFault_F20_Unmasked(t *testing.T) {
	bare := func(first byte, payload string) string {
		return rawpeer.Frame{First: first, Payload: payload, Unmasked: true}.Bytes()
	}
	closed(t, []fault{
		{"text", bare(0x81, "{}"), 1002},
		{"empty text", bare(0x81, ""), 1002},
		{"ping", bare(0x89, "hi"), 1002},
		{"close", bare(0x88, "\x03\xe8"), 1002},
		{"continuation", frame(0x01, "{") + bare(0x80, "}"), 1002},
	})
}

// TestFault_F21_ReservedOpcodes: A frame with an opcode of 3 to 7 or B to F closes the connection with 1002.
func TestFault_F21_ReservedOpcodes(t *testing.T) {
	var all []fault
	for _, op := range []byte{3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		all = append(all, fault{"alone", frame(0x80|op, ""), 1002})
	}
	all = append(all, fault{"unfinished", frame(0x03, "x"), 1002}, fault{"within a message", frame(0x01, "{") + frame(0x87, "x"), 1002})
	closed(t, all)
}

// TestFault_F22_ControlFrames: A control frame that is fragmented or longer than 125 bytes closes the connection with 1002.
func TestFault_F22_ControlFrames(t *testing.T) {
	long := strings.Repeat("x", 126)
	closed(t, []fault{
		{"fragmented ping", frame(0x09, "x"), 1002},
		{"fragmented pong", frame(0x0a, "x"), 1002},
		{"fragmented close", frame(0x08, "\x03\xe8"), 1002},
		{"long ping", frame(0x89, long), 1002},
		{"long pong", frame(0x8a, long), 1002},
		{"long close", frame(0x88, "\x03\xe8"+long), 1002},
		{"short ping in 16 bits", rawpeer.Frame{First: 0x89, Payload: "x", Wide: 2}.Bytes(), 1002},
		{"ping of 2^63-1", rawpeer.Frame{First: 0x89, Claim: 1<<63 - 1}.Bytes(), 1002},
	})
}

// TestFault_F23_Fragments: A continuation without a start, and a message that starts within another, close the
// connection with 1002.
func TestFault_F23_Fragments(t *testing.T) {
	closed(t, []fault{
		{"last of nothing", frame(0x80, "x"), 1002},
		{"next of nothing", frame(0x00, "x"), 1002},
		{"after a whole message", frame(0x81, "[]") + frame(0x80, "x"), 1002},
		{"after a ping", frame(0x89, "") + frame(0x80, "x"), 1002},
		{"text within text", frame(0x01, "{") + frame(0x81, "{}"), 1002},
		{"binary within text", frame(0x01, "{") + frame(0x82, "{}"), 1002},
		{"start within binary", frame(0x02, "{") + frame(0x01, "{}"), 1002},
	})
}

// TestFault_F24_InvalidUTF8: Text that is not UTF-8, in one frame, split over fragments, or in a close reason, closes the connection with 1007.
func TestFault_F24_InvalidUTF8(t *testing.T) {
	closed(t, []fault{
		{"whole", frame(0x81, "4\xc3\x28"), 1007},
		{"overlong", frame(0x81, "4\xc0\xaf"), 1007},
		{"surrogate", frame(0x81, "4\xed\xa0\x80"), 1007},
		{"beyond the last", frame(0x81, "4\xf4\x90\x80\x80"), 1007},
		{"cut at the end", frame(0x81, "4\xe2\x82"), 1007},
		{"split", frame(0x01, "4\xe2\x82") + frame(0x80, "\x28"), 1007},
		{"split, with a ping between", frame(0x01, "4\xe2") + frame(0x89, "\xff") + frame(0x80, "\xff"), 1007},
		{"close reason", frame(0x88, "\x03\xe8\xff"), 1007},
		{"close reason, cut", frame(0x88, "\x03\xe8ok\xe2\x82"), 1007},
	})
}

// TestFault_F25_CloseCodes: A close frame with half a code, or with a code that must not be sent, closes the
// connection with 1002.
func TestFault_F25_CloseCodes(t *testing.T) {
	all := []fault{{"half", frame(0x88, "\x03"), 1002}}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		all = append(all, fault{"code", frame(0x88, rawpeer.ClosePayload(code, "")), 1002})
	}
	closed(t, all)
}

// TestCVE_2022_21676_V11_ReservedBits: A frame with RSV1, RSV2 or RSV3 set closes the connection with 1002, for each
// type of frame and without negotiated compression.
func TestCVE_2022_21676_V11_ReservedBits(t *testing.T) {
	var all []fault
	for _, bits := range []byte{rawpeer.RSV1, rawpeer.RSV2, rawpeer.RSV3, rawpeer.RSV2 | rawpeer.RSV3, 0x70} {
		for _, op := range []byte{rawpeer.OpText, rawpeer.OpBinary, rawpeer.OpClose, rawpeer.OpPing, rawpeer.OpPong} {
			all = append(all, fault{"RSV", frame(rawpeer.Fin|bits|op, ""), 1002})
		}
		all = append(all, fault{"RSV of a continuation", frame(0x01, "4") + frame(rawpeer.Fin|bits, "x"), 1002})
	}
	closed(t, all)

	lines(t, options{deflate: true}, func(t *testing.T, l *line) {
		l.opts = []rawpeer.DialOption{rawpeer.WithLines("Sec-WebSocket-Extensions: permessage-deflate")}
		for _, raw := range []string{
			frame(0xa1, "x"), frame(0x91, "x"), frame(0xc9, "x"), frame(0xc8, "\x03\xe8"), frame(0x41, "x") + frame(0xc0, "x"),
		} {
			p := l.open()
			p.Write(raw)
			p.WantClose(1002)
		}
		l.WantGone(5)
	})
}

// TestCVE_2020_27813_V29_HugeLengths: A frame that announces 2^64-1 bytes closes the connection with 1002, one of
// 2^63-1, 2^32 or just over the limit with 1009, before any payload arrives.
func TestCVE_2020_27813_V29_HugeLengths(t *testing.T) {
	claim := func(first byte, n uint64) string { return rawpeer.Frame{First: first, Claim: n}.Bytes() + zeros }
	closed(t, []fault{
		{"2^64-1", claim(0x81, 1<<64-1), 1002},
		{"2^63", claim(0x81, 1<<63), 1002},
		{"2^63-1", claim(0x81, 1<<63-1), 1009},
		{"2^32", claim(0x82, 1<<32), 1009},
		{"over the limit", claim(0x81, maxMessage+1), 1009},
		{"a fragment that makes the sum overflow", frame(0x01, "4x") + claim(0x80, 1<<63-1), 1009},
		{"a fragment of 2^64-1", frame(0x01, "4x") + claim(0x80, 1<<64-1), 1002},
	})
}
