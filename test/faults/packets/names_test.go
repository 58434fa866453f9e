package packets_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
)

// reserved are the names that the protocol reserves.
var reserved = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}

// TestCVE_2024_38355_V22_ErrorEvent: An event that a client calls "error", "exception" or "close" is treated as an
// unknown event and does no harm; on Socket.IO the names that the protocol reserves end the connection.
func TestCVE_2024_38355_V22_ErrorEvent(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		for _, name := range []string{"error", "exception", "close", "end", "uncaughtException", "handleConnection"} {
			c.wantError(t, name, `{"message":"x"}`, "unknown_event")
		}
		if c.p != nil {
			for _, name := range reserved {
				c.wantError(t, name, `1`, "unknown_event")
			}
			for _, name := range reserved {
				c.p.Send(`{"event":"` + name + `","data":1}`)
			}
		} else {
			put(t, c.w, `42["error",{"message":"x"}]`)
		}
		c.wantValue(t, "mirror", `1`, `1`)
	})
	t.Run("reserved", func(t *testing.T) {
		harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
			for _, name := range reserved {
				breaks(t, h, enter(t), `42["`+name+`",1]`)
				breaks(t, h, enter(t), `421["`+name+`"]`)
			}
			breaks(t, h, enter(t), `42["\u0063onnect",1]`)
		})
	})
}

// TestCVE_2023_32695_V25_EventNameOfAnyType: An event whose name is an object, an array, null or a boolean ends the
// connection on Socket.IO and is reported as a bad message on plain WebSocket; a number is a name, as with the
// reference.
func TestCVE_2023_32695_V25_EventNameOfAnyType(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		for _, packet := range []string{
			`42[{"toString":1}]`, `42[{"toString":"x"},1]`, `42[null]`, `42[[]]`, `42[["echo"],1]`, `42[true,1]`, `42[]`, `42{}`, `42`, `42"echo"`,
			`42{"length":1,"0":"echo"}`, `421[{"toString":1}]`, `42[,"echo"]`,
			"451-[{\"_placeholder\":true,\"num\":0}]",
		} {
			breaks(t, h, enter(t), packet)
		}
		c := &client{w: enter(t)}
		if got := c.call(t, `5`, `1`); !strings.Contains(got, `"unknown_event"`) || !strings.Contains(got, `"pattern":"5"`) {
			t.Errorf("a number: %.200s", got)
		}
		c.leave()
	})
	harness.Plain(t, func(t *testing.T, h *harness.Harness) {
		p := h.Open(t)
		for _, name := range []string{`{"toString":1}`, `null`, `[]`, `["echo"]`, `true`, `5`, `""`} {
			p.Send(`{"event":` + name + `,"data":1}`)
			if got := p.Text(); !strings.Contains(got, `"code":"bad_message"`) {
				t.Errorf("%s: %.200s", name, got)
			}
		}
		rawpeer.EchoWS(t, p, "unharmed")
		p.Close()
	})
}

// TestFault_F61_EventNames: Events named after members of JavaScript objects, empty, with NUL or of 256 bytes are
// unknown events; a longer name is a bad message, and a message over the limit ends the connection.
func TestFault_F61_EventNames(t *testing.T) {
	names := []string{
		"__proto__", "constructor", "prototype", "toString", "hasOwnProperty", " echo", "Echo", "echo\x00", "écho", "*", "$", "a.b",
		strings.Repeat("n", 256),
	}
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		for _, name := range names {
			quoted := strings.ReplaceAll(strconv.Quote(name), `\x00`, `\u0000`)
			if got := c.call(t, quoted, `1`); !strings.Contains(got, `"code":"unknown_event"`) {
				t.Errorf("%.40q: %.200s", name, got)
			}
		}
		for _, n := range []int{257, 900_000} {
			if got := c.call(t, `"`+strings.Repeat("n", n)+`"`, `1`); !strings.Contains(got, `"code":"bad_message"`) {
				t.Errorf("a name of %d bytes: %.200s", n, got)
			}
		}
		if c.w != nil {
			if got := c.call(t, `""`, `1`); !strings.Contains(got, `"code":"unknown_event"`) {
				t.Errorf("no name: %.200s", got)
			}
		}
		c.wantValue(t, "mirror", `1`, `1`)
	})
	t.Run("too long", func(t *testing.T) {
		long := strings.Repeat("n", 1_000_001)
		harness.Plain(t, func(t *testing.T, h *harness.Harness) {
			p := h.Open(t)
			_ = p.TrySend(`{"event":"` + long + `"}`)
			p.WantClose(1009)
		})
		harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
			w := enter(t)
			if s, ok := w.(*rawpeer.Socket); ok {
				_ = s.TrySend(`42["` + long + `"]`)
				s.WantClose(1009)
			} else if put(t, w, `42["`+long+`"]`) {
				t.Error("it was accepted")
			}
		})
	})
}
