package packets_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// many returns the start of an event with n attachments.
func many(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"_placeholder":true,"num":%d}`, i)
	}
	return fmt.Sprintf(`45%d-["noop",%s]`, n, strings.Join(list, ","))
}

// endless are packets without an end.
func endless(n int) []string {
	return []string{
		"5" + strings.Repeat("1", n) + "-", "5" + strings.Repeat("0", n) + "-[\"noop\"]", "5" + strings.Repeat("9", n),
		"2" + strings.Repeat("1", n) + `["noop"]`, "2" + strings.Repeat("0", n), "2/" + strings.Repeat("n", n), "5" + strings.Repeat("-", n),
		"2[" + strings.Repeat(" ", n), "2[\"noop\"," + strings.Repeat("1,", n/2), "2[\"" + strings.Repeat(`\\`, n/2), "6" + strings.Repeat("1-", n/2),
	}
}

// TestCVE_2020_36049_V23_EndlessDigits: Packets that start with a megabyte of digits, zeros or an unterminated
// namespace end the connection, in time linear in their length, and 100 MB of it are not read.
func TestCVE_2020_36049_V23_EndlessDigits(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		for _, p := range endless(900_000) {
			breaks(t, h, enter(t), "4"+p)
		}
		w := enter(t)
		if s, ok := w.(*rawpeer.Socket); ok {
			s.Write(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: "45111", Claim: 100_000_000}.Bytes())
			s.WantClose(1009)
		} else {
			w.Send("1")
		}
	})
	t.Run("linear", func(t *testing.T) {
		for i := range endless(0) {
			decode := func(n int) time.Duration {
				b := []byte(endless(n)[i])
				best := time.Duration(1 << 62)
				for range 3 {
					msg := append([]byte(nil), b...)
					started := time.Now()
					if _, err := packet.JSON().NewDecoder(packet.Limits{}).Text(msg); err == nil {
						t.Fatalf("%.20q is a packet", b)
					}
					best = min(best, time.Since(started))
				}
				return best
			}
			short, long := decode(50_000), decode(1_600_000) // 32 times as long; quadratic would be 1,024
			if long > 320*max(short, 100*time.Microsecond) {
				t.Errorf("%.20q…: %v for 50 KB, %v for 1.6 MB", endless(30)[i], short, long)
			}
		}
	})
}

// TestCVE_2022_2421_V24_Placeholders: Placeholders that refer to no attachment, to one twice, or with an invalid
// number end the connection before or with the last attachment, and nothing is handled.
func TestCVE_2022_2421_V24_Placeholders(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		for _, num := range []string{"-1", "1", "2", "10", "999999999999999999999", "0.5", "0.0", "1e0", `"0"`, `"__proto__"`, `"splice"`, "null", "true", "[0]", "{}", "-0.1"} {
			breaks(t, h, enter(t), `451-["noop",{"_placeholder":true,"num":`+num+`}]`, "bAQ==")
		}
		for _, head := range []string{
			`451-["noop",{"_placeholder":true}]`,
			`451-["noop",{"num":0}]`,
			`451-["noop",1]`,
			`451-["noop",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]]`,
			`452-["noop",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`,
			`452-["noop",{"_placeholder":true,"num":0},{"_placeholder":true,"num":2}]`,
			`451-["noop",{"_placeholder":true,"num":0,"num":1}]`,
			`451-{"_placeholder":true,"num":0}`,
			`461-1[{"_placeholder":true,"num":7}]`,
		} {
			breaks(t, h, enter(t), head, "bAQ==", "bAg==")
		}
		w := enter(t)
		put(t, w, `451-1["mirror",{"a":[{"_placeholder":true,"num":0}]}]`, "bAQ==")
		rawpeer.WantPacket(t, w, `461-1[{"a":[{"_placeholder":true,"num":0}]}]`)
		w.Abort()
		h.Left(t)
	})
}

// TestCVE_2026_33151_V26_TooManyAttachments: A packet that announces more than ten attachments, or a thousand million
// of them, ends the connection at once, and allocates nothing for them; ten are accepted.
func TestCVE_2026_33151_V26_TooManyAttachments(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		for _, head := range []string{
			many(11), `45999999999-["noop",{"_placeholder":true,"num":0}]`, `4599999999999999999999-["noop"]`, `4618446744073709551617-1[1]`, `4611-1[1]`,
			`4511-["noop"]`, `45011-["noop"]`,
		} {
			breaks(t, h, enter(t), head)
		}
		w := enter(t)
		handled := h.Events()
		packets := []string{many(10)}
		for range 10 {
			packets = append(packets, "bAQ==")
		}
		put(t, w, packets...)
		h.Wait("ten are handled", func() bool { return h.Events() == handled+1 })
		rawpeer.Echo(t, w, "unharmed")
		w.Send("1")
	})
}

// TestFault_V27_NoAttachments: A binary packet that announces no attachment is refused, as by the reference since
// parser 4.2.7; over polling the rest of the body is not handled, and the client's next connection works.
func TestFault_V27_NoAttachments(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		for _, head := range []string{`450-["noop",1]`, `450-["noop"]`, `45-["noop",1]`, `460-1[1]`, `4500-["noop"]`, `45["noop",1]`, `45`, `451["noop",{"_placeholder":true,"num":0}]`} {
			breaks(t, h, enter(t), head, `42["noop",1]`)
		}
		w := enter(t)
		rawpeer.Echo(t, w, "decodes")
		w.Send("1")
	})
}

// TestFault_F60_BinaryWithoutAPacket: Binary data that no packet announced ends a Socket.IO connection; plain
// WebSocket accepts binary frames like text frames, and answers those that are not messages with an error.
func TestFault_F60_BinaryWithoutAPacket(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		breaks(t, h, enter(t), "bAQ==")
		breaks(t, h, enter(t), "b")
	})
	harness.Plain(t, func(t *testing.T, h *harness.Harness) {
		p := h.Open(t)
		p.Frame(rawpeer.Fin|rawpeer.OpBinary, "\x01\x02\xff")
		if got := p.Text(); !strings.Contains(got, `"code":"bad_message"`) {
			t.Errorf("got %.200s", got)
		}
		p.Frame(rawpeer.Fin|rawpeer.OpBinary, `{"event":"echo","data":"x","id":1}`)
		p.Want(`{"id":1,"data":"x"}`)
		p.Close()
	})
}

// TestFault_F60_TextWhileAttachmentsPend: A packet in the place of an announced attachment ends the connection, and
// neither is handled; heartbeats in between are allowed.
func TestFault_F60_TextWhileAttachmentsPend(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		breaks(t, h, enter(t), many(1), `42["noop",1]`, "bAQ==")
		breaks(t, h, enter(t), many(2), "bAQ==", many(1), "bAQ==")
		breaks(t, h, enter(t), many(1), "41")
		breaks(t, h, enter(t), many(1), "40/other,")
		w := enter(t)
		handled := h.Events()
		put(t, w, many(1), "3", "bAQ==")
		h.Wait("it is handled", func() bool { return h.Events() == handled+1 })
		w.Send("1")
	})
}

// TestFault_F60_AttachmentsNeverArrive: A client whose announced attachments do not arrive is closed after 30 s, even
// if it answers heartbeats, over WebSocket and polling.
func TestFault_F60_AttachmentsNeverArrive(t *testing.T) {
	late := func(t *testing.T, started time.Time, r websockets.Reason) {
		t.Helper()
		if r.Cause != websockets.CauseParseError || r.Text != "attachments are missing" {
			t.Errorf("ended with %v", r)
		}
		if d := time.Since(started); d < 29*time.Second || d > 32*time.Second {
			t.Errorf("after %v, want 30 s", d)
		}
	}
	t.Run("socketio", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := harness.NewMemory(t, socketio.New())
			c := m.Dial("/socket.io/?EIO=4&transport=websocket")
			m.Want(c, "0{")
			m.Write(c, "40")
			m.Want(c, "40{")
			started := time.Now()
			m.Write(c, many(2))
			if err := c.Write(t.Context(), websocket.MessageBinary, []byte{1}); err != nil {
				t.Fatal(err)
			}
			m.Want(c, "2")
			m.Write(c, "3")
			m.WantClose(c, 1002)
			late(t, started, m.Left())
		})
	})
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := harness.NewMemory(t, socketio.New())
			const target = "/socket.io/?EIO=4&transport=polling"
			_, open := m.Do(http.MethodGet, target, "")
			session := target + "&sid=" + rawpeer.Answer{Body: open}.Get("sid")
			m.Do(http.MethodPost, session, "40")
			m.Do(http.MethodGet, session, "")
			started := time.Now()
			m.Do(http.MethodPost, session, many(1))
			if _, body := m.Do(http.MethodGet, session, ""); body != "2" {
				t.Fatalf("got %q, want a ping", body)
			}
			m.Do(http.MethodPost, session, "3")
			if _, body := m.Do(http.MethodGet, session, ""); body != "1" {
				t.Errorf("the poll was answered %q, want a close packet", body)
			}
			late(t, started, m.Left())
		})
	})
}
