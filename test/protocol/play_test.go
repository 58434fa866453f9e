package protocol_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// play is one case against one server. It records the traffic in the transcript; methods record
// unless their comment says otherwise.
type play struct {
	t *testing.T
	*target
	sid   string // of the last Engine.IO session
	id    string // of the last Socket.IO socket
	lines []string
	asked int      // requests with sid
	made  []string // sids of all sessions
}

// Types of WebSocket messages.
const (
	textMessage   = websocket.MessageText
	binaryMessage = websocket.MessageBinary
)

const engine = "/socket.io/?EIO=4"

func (p *play) notef(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	p.remember(line)
	if p.sid != "" {
		line = strings.ReplaceAll(line, p.sid, "SID")
	}
	line = strings.ReplaceAll(line, p.addr, "ADDR")
	line = anyID.ReplaceAllString(line, "${1}ID")
	line = strings.NewReplacer("\x1e", "␞", "\x00", "␀").Replace(line)
	p.lines = append(p.lines, strings.ToValidUTF8(line, "?"))
}

// remember stores the sid of an additional session.
func (p *play) remember(text string) {
	if found := opened.FindStringSubmatch(text); found != nil {
		p.made = append(p.made, found[1])
	}
}

var opened = regexp.MustCompile(`\b0\{\\?"sid\\?":\\?"([^"\\]+)`)

// closeSessions closes the remaining sessions of a case, so that the servers stop at once.
func (p *play) closeSessions() {
	for _, sid := range p.made {
		send(p.t, p.addr, http.MethodPost, engine+"&transport=polling&sid="+sid, "1").answer()
	}
}

// anyID matches an id in a packet or in the cookie.
var anyID = regexp.MustCompile(`(sid\\?":\\?"|Set-Cookie: io=)[\w-]{16,}`)

// brief truncates long texts.
func brief(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%s… (%d bytes)", s[:20], len(s))
	}
	return s
}

func (a answer) String() string {
	if a.status == 0 {
		return "cut"
	}
	if a.body == "" {
		return fmt.Sprint(a.status)
	}
	return fmt.Sprintf("%d %s", a.status, brief(a.body))
}

// path returns the path of the session for a transport.
func (p *play) path(transport string) string {
	return engine + "&transport=" + transport + "&sid=" + p.sid
}

// open opens a session over polling, unrecorded.
func (p *play) open() {
	p.t.Helper()
	a := send(p.t, p.addr, http.MethodGet, engine+"&transport=polling", "").answer()
	var h struct{ SID string }
	if a.status != 200 || !strings.HasPrefix(a.body, "0") || json.Unmarshal([]byte(a.body[1:]), &h) != nil || h.SID == "" {
		p.t.Fatalf("no session: %v", a)
	}
	p.sid, p.asked = h.SID, 0
	p.made = append(p.made, h.SID)
}

// enter opens a session and connects it to the main namespace, unrecorded.
func (p *play) enter() {
	p.t.Helper()
	p.open()
	if a := p.startPost("40").answer(); a.body != "ok" {
		p.t.Fatalf("CONNECT: %v", a)
	}
	got := p.packets(2)
	p.id = socketOf(p.t, got[0])
}

func socketOf(t *testing.T, packet string) string {
	t.Helper()
	var h struct{ SID string }
	at := strings.Index(packet, "{")
	if at < 0 || json.Unmarshal([]byte(packet[at:]), &h) != nil || h.SID == "" {
		t.Fatalf("%q is not an accepted CONNECT", packet)
	}
	return h.SID
}

// packets polls until n packets have arrived, unrecorded.
func (p *play) packets(n int) []string {
	p.t.Helper()
	var got []string
	for len(got) < n {
		a := p.startGet().answer()
		if a.status != 200 {
			return append(got, a.String())
		}
		got = append(got, strings.Split(a.body, "\x1e")...)
	}
	return got
}

// poll records the next n packets, in any number of responses.
func (p *play) poll(n int) {
	p.t.Helper()
	p.notef("poll < %s", strings.Join(p.packets(n), " | "))
}

func (p *play) startGet() *exchange {
	p.t.Helper()
	p.asked++
	return send(p.t, p.addr, http.MethodGet, p.path("polling"), "")
}

func (p *play) startPost(body string, headers ...string) *exchange {
	p.t.Helper()
	p.asked++
	return send(p.t, p.addr, http.MethodPost, p.path("polling"), body, headers...)
}

// get sends one GET of the session.
func (p *play) get() {
	p.t.Helper()
	p.notef("GET: %v", p.startGet().answer())
}

// post sends one POST of the session.
func (p *play) post(body string, headers ...string) {
	p.t.Helper()
	p.notef("POST %s: %v", brief(body), p.startPost(body, headers...).answer())
}

// heldPoll starts a GET and waits until the server holds it.
func (p *play) heldPoll() *exchange {
	p.t.Helper()
	x := p.startGet()
	p.settle()
	return x
}

// settle waits until all requests of the session have reached the server and have been handled
// as far as possible.
func (p *play) settle() {
	p.t.Helper()
	p.arrived(p.t, p.sid, p.asked)
	for range 20 { // round trips through the same process
		p.witness.ask(p.t, "message-with-ack", "settle")
	}
}

// request sends any request; the query is appended to the server's path.
func (p *play) request(method, query string, headers ...string) {
	p.t.Helper()
	p.notef("%s %s: %v", method, query, send(p.t, p.addr, method, "/socket.io/"+query, "", headers...).answer())
}

// works records that the polling session is served: an event is acknowledged, and nothing
// arrived before.
func (p *play) works() {
	p.t.Helper()
	if a := p.startPost(`427["message-with-ack","works"]`).answer(); a.body != "ok" {
		p.notef("polling does not work: POST %v", a)
		return
	}
	if got := p.packets(1); len(got) != 1 || got[0] != `437["works"]` {
		p.notef("polling does not work: GET %s", strings.Join(got, " | "))
		return
	}
	p.notef("polling works")
}

// outcome records whether the polling session still works, or why it closed.
func (p *play) outcome() {
	p.t.Helper()
	n := len(p.lines)
	if p.works(); strings.HasPrefix(p.lines[n], "polling does not work: POST 400") {
		p.left()
	}
}

// left records the reason of the disconnect that the application received.
func (p *play) left() {
	p.t.Helper()
	p.notef("left: %s", p.witness.ask(p.t, "left", p.id))
}

// awaitEnd waits until the session is unknown to the server.
func (p *play) awaitEnd() {
	p.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for started := time.Now(); time.Since(started) < patience; <-ticker.C {
		if a := p.startPost("3").answer(); a.status == 400 {
			p.notef("gone: %v", a)
			return
		}
	}
	p.notef("the session is still there")
}

// dial opens a WebSocket with the query, and records the result.
func (p *play) dial(query string) *socket {
	p.t.Helper()
	conn, a := dialWS(p.t, p.addr, "/socket.io/"+query, nil)
	if conn == nil {
		p.notef("ws %s: %v", query, a)
		return nil
	}
	p.notef("ws %s: open", query)
	return &socket{p: p, conn: conn}
}

// dialSession opens the WebSocket of an upgrade of the session.
func (p *play) dialSession() *socket {
	p.t.Helper()
	p.asked++
	return p.dial("?EIO=4&transport=websocket&sid=" + p.sid)
}

// unrecorded runs f without recording.
func (p *play) unrecorded(f func()) {
	n := len(p.lines)
	f()
	p.lines = p.lines[:n]
}

// openWS opens a session over WebSocket, unrecorded.
func (p *play) openWS() *socket {
	p.t.Helper()
	conn, a := dialWS(p.t, p.addr, engine+"&transport=websocket", nil)
	if conn == nil {
		p.t.Fatalf("the websocket is rejected: %v", a)
	}
	s := &socket{p: p, conn: conn}
	p.sid = socketOf(p.t, s.next())
	return s
}

// enterWS opens a WebSocket and connects it to the main namespace, unrecorded.
func (p *play) enterWS() *socket {
	p.t.Helper()
	s := p.openWS()
	p.unrecorded(func() { s.send("40") })
	p.id = socketOf(p.t, s.next())
	if got := s.next(); got != `42["auth",{}]` {
		p.t.Fatalf("got %q instead of the auth event", got)
	}
	return s
}

// upgrade upgrades the session to WebSocket correctly, unrecorded.
func (p *play) upgrade() *socket {
	p.t.Helper()
	var s *socket
	p.unrecorded(func() {
		// The server may not have noticed yet that another one has closed.
		answer := "nothing"
		for started := time.Now(); answer != "3probe" && time.Since(started) < patience; {
			if s = p.dialSession(); s != nil {
				s.send("2probe")
				answer = s.next()
			}
		}
		if answer != "3probe" {
			p.t.Fatalf("the probe is answered by %q", answer)
		}
		s.send("5")
	})
	return s
}
