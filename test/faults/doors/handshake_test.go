package doors_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

// refusal is the expected answer to a bad handshake; 0 means the same status as for every kind of handshake.
type refusal struct {
	name   string
	change func(d *endpoint) string // changes the request
	plain  int                      // the status on plain WebSocket
	socket int                      // on Socket.IO over WebSocket
	poll   int                      // on polling, 0 if it does not apply
	header string                   // expected in the answer, "Name: value"
}

func with(lines ...string) func(*endpoint) string {
	return func(d *endpoint) string { return d.request(lines...) }
}

func play(t *testing.T, cases []refusal) {
	t.Helper()
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		for _, tt := range cases {
			status := map[string]int{plain: tt.plain, overWS: tt.socket, byPolling: tt.poll}[d.name]
			if status == 0 {
				continue
			}
			a := d.ask(tt.change(d))
			if a.Status != status {
				t.Errorf("%s: answered %d %.200s, want %d", tt.name, a.Status, a.Body, status)
			}
			name, value, _ := strings.Cut(tt.header, ": ")
			if d.name == plain && a.Header.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", tt.name, name, a.Header.Get(name), value)
			}
			if status >= 400 && a.Get("message") == "" {
				t.Errorf("%s: the body is empty: %q", tt.name, a.Body)
			}
		}
		d.alive()
		d.quiet()
	})
}

// method replaces the method of the request.
func method(name string) func(*endpoint) string {
	return func(d *endpoint) string { return strings.Replace(d.request("Content-Length: 0"), "GET", name, 1) }
}

// TestFault_F1_WrongMethod: A handshake with a method other than GET is refused, with 405 on plain WebSocket and, as
// specified by Engine.IO, with 400 on Socket.IO.
func TestFault_F1_WrongMethod(t *testing.T) {
	play(t, []refusal{
		{"POST", method("POST"), 405, 400, 400, "Allow: GET"},
		{"HEAD as GET's shadow", method("PUT"), 405, 400, 400, "Allow: GET"},
		{"DELETE", method("DELETE"), 405, 400, 400, "Allow: GET"},
		{"made up", method("WEBSOCKET"), 405, 400, 400, "Allow: GET"},
	})
}

// TestFault_F2_HTTP10: A WebSocket handshake over HTTP/1.0 is refused with 426; a poll over HTTP/1.0 is answered.
func TestFault_F2_HTTP10(t *testing.T) {
	old := func(d *endpoint) string { return strings.Replace(d.request(), "HTTP/1.1", "HTTP/1.0", 1) }
	play(t, []refusal{{"HTTP/1.0", old, 426, 426, 200, "Upgrade: websocket"}})
}

// TestFault_F3_NoUpgrade: A handshake without the tokens of an upgrade is refused with 426 on plain WebSocket; on
// Socket.IO a request without Upgrade does not match the transport, 400 as in Engine.IO for Node.
func TestFault_F3_NoUpgrade(t *testing.T) {
	play(t, []refusal{
		{"no Upgrade", with("Upgrade"), 426, 400, 0, "Upgrade: websocket"},
		{"no Connection", with("Connection"), 426, 426, 0, "Connection: Upgrade"},
		{"neither", with("Connection", "Upgrade"), 426, 400, 0, "Upgrade: websocket"},
		{"another protocol", with("Upgrade: h2c"), 426, 400, 0, "Upgrade: websocket"},
		{"a longer word", with("Connection: Upgraded, keep-alive"), 426, 426, 0, "Upgrade: websocket"},
		{"an upgrade of a poll", with("Connection: Upgrade", "Upgrade: websocket"), 0, 0, 400, ""},
		{"any case, among others", with("Connection: keep-alive, uPGRADE", "Upgrade: WebSocket"), 101, 101, 0, ""},
	})
}

// TestFault_F4_WrongVersion: A handshake with a version other than 13, with a list, or with none is refused with 400,
// and the answer has the supported version.
func TestFault_F4_WrongVersion(t *testing.T) {
	var cases []refusal
	for _, v := range []string{": 8", ": 13, 8", ": 13,13", ": 013", ": 13.0", ": ", ": 14", ""} {
		cases = append(cases, refusal{"version" + v, with("Sec-WebSocket-Version" + v), 400, 400, 0, "Sec-WebSocket-Version: 13"})
	}
	cases = append(cases, refusal{"twice", with("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"), 400, 400, 0, "Sec-WebSocket-Version: 13"})
	play(t, cases)
}

// TestFault_F5_WrongKey: A handshake whose key is missing, too short, too long, not base64 or duplicated is refused
// with 400.
func TestFault_F5_WrongKey(t *testing.T) {
	play(t, []refusal{
		{"none", with("Sec-WebSocket-Key"), 400, 400, 0, ""},
		{"empty", with("Sec-WebSocket-Key: "), 400, 400, 0, ""},
		{"15 bytes", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"), 400, 400, 0, ""},
		{"17 bytes", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE="), 400, 400, 0, ""},
		{"no padding", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"), 400, 400, 0, ""},
		{"no base64", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!=="), 400, 400, 0, ""},
		{"two", with("Sec-WebSocket-Key: "+rawpeer.Key, "Sec-WebSocket-Key: "+rawpeer.Key), 400, 400, 0, ""},
		{"two in one line", with("Sec-WebSocket-Key: " + rawpeer.Key + ", " + rawpeer.Key), 400, 400, 0, ""},
	})
}

// TestFault_F17_Subprotocol: A subprotocol that was not offered is never chosen: plain WebSocket chooses the first of
// its own that the client offers or none, Socket.IO the first that the client offers, as on Node.
func TestFault_F17_Subprotocol(t *testing.T) {
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		for _, tt := range []struct{ asked, plain, socket string }{
			{"v1", "v1", "v1"},
			{"v1, v2", "v2", "v1"},
			{"v9", "", "v9"},
			{"V1", "V1", "V1"}, // ignoring case, in the client's spelling
			{"v1x", "", "v1x"},
			{"", "", ""},
		} {
			want := tt.plain
			if d.name == overWS {
				want = tt.socket
			}
			a := d.handshake("Sec-WebSocket-Protocol: " + tt.asked)
			got := a.Header.Values("Sec-WebSocket-Protocol")
			if a.Status != 101 || strings.Join(got, ",") != want || want == "" && len(got) > 0 {
				t.Errorf("asked for %q: %d, chosen %q, want %q", tt.asked, a.Status, got, want)
			}
		}
		d.alive()
	}, plain, overWS)
}

// TestFault_V34_BytesBeyondASCII: Bytes from 0x80 on in any line of a handshake, the target included, are refused
// with 400 or have no effect, and never appear in an answer's header.
func TestFault_V34_BytesBeyondASCII(t *testing.T) {
	const strange = "\xff\xfe\x80\xc3\x28é"
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		for _, name := range []string{
			"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
			"Connection", "Upgrade", "Origin", "Host", "Cookie", "Authorization", "User-Agent", "X-Forwarded-For",
			"Accept-Encoding", "Content-Type", "Content-Length", "Transfer-Encoding", strange, "\x80",
		} {
			for _, value := range []string{strange, "v1, " + strange, strange + ", permessage-deflate; " + strange + "=" + strange} {
				a := d.handshake(name + ": " + value)
				if a.Status != d.opened() && (a.Status < 400 || a.Status >= 500) && a.Status != 501 {
					t.Errorf("%q: %q was answered %d %.100s", name, value, a.Status, a.Body)
				}
				for k, values := range a.Header {
					if strings.ContainsFunc(k+strings.Join(values, ""), func(r rune) bool { return r > 0x7e }) {
						t.Errorf("%q: %q was returned as %q: %q", name, value, k, values)
					}
				}
			}
		}
		sep := "?"
		if d.name != plain {
			sep = "&"
		}
		for _, target := range []string{d.target + sep + strange, d.target + sep + "sid=" + strange, d.target + strange, "/" + strange} {
			a := d.ask(strings.Replace(d.request(), d.target, target, 1))
			if a.Status != d.opened() && (a.Status < 400 || a.Status >= 500) {
				t.Errorf("target %q was answered %d %.100s", target, a.Status, a.Body)
			}
		}
		d.alive()
		d.quiet()
	})
}

// TestFault_V34_ControlBytes: Control bytes in a line of a handshake, which could split an answer's header, are refused with 400.
func TestFault_V34_ControlBytes(t *testing.T) {
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		for _, b := range []string{"\x00", "\x01", "\x0b", "\x1f", "\x7f", "a\rSet-Cookie: b"} {
			for _, name := range []string{"Sec-WebSocket-Protocol", "Origin", "X"} {
				if a := d.handshake(fmt.Sprintf("%s: v1%s", name, b)); a.Status != http.StatusBadRequest {
					t.Errorf("%s with %q: %d", name, b, a.Status)
				}
			}
		}
		d.alive()
	})
}
