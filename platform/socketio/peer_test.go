package socketio

import (
	"compress/flate"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

const (
	overPolling   = "EIO=4&transport=polling"
	overWebSocket = "EIO=4&transport=websocket"
)

// client is the interface of both transports.
type wire interface {
	send(packet string)
	read() string // the next packet
	cut()         // ends it without a close frame
}

func field(packet, name string) string {
	_, rest, _ := strings.Cut(packet, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// poller is a client that polls.
type poller struct {
	r       *testServer
	sid     string
	waiting []string
}

func (r *testServer) poller(headers ...string) *poller {
	r.t.Helper()
	a := r.get(overPolling, headers...)
	if a.status != http.StatusOK {
		r.t.Fatalf("%d %s", a.status, a.body)
	}
	return &poller{r: r, sid: field(a.body, "sid")}
}

func (p *poller) query() string { return overPolling + "&sid=" + p.sid }

func (p *poller) send(packet string) {
	p.r.t.Helper()
	if a := p.post(packet); a.body != "ok" {
		p.r.t.Fatalf("the POST of %.50q was answered %d %.200q, %v", packet, a.status, a.body, a.err)
	}
}

func (p *poller) post(packet string) answer {
	return p.r.request(context.Background(), http.MethodPost, p.query(), packet)
}

func (p *poller) read() string {
	p.r.t.Helper()
	for len(p.waiting) == 0 {
		a := p.r.get(p.query())
		if a.status != http.StatusOK {
			p.r.t.Fatalf("the poll was answered %d %s", a.status, a.body)
		}
		p.waiting = strings.Split(a.body, "\x1e")
	}
	next := p.waiting[0]
	p.waiting = p.waiting[1:]
	return next
}

// cut starts a poll and aborts it.
func (p *poller) cut() {
	p.r.t.Helper()
	nc, err := p.r.dial()
	if err != nil {
		p.r.t.Fatal(err)
	}
	_, _ = io.WriteString(nc, "GET /socket.io/?"+p.query()+" HTTP/1.1\r\nHost: example.com\r\n\r\n")
	_ = nc.Close()
}

// The first bytes of frames.
const (
	opText   = rawpeer.Fin | rawpeer.OpText
	opBinary = rawpeer.Fin | rawpeer.OpBinary
	opClose  = rawpeer.Fin | rawpeer.OpClose

	compressed = rawpeer.RSV1 // in the first byte
)

// frame returns a masked frame.
func frame(first byte, payload string) string {
	return rawpeer.Frame{First: first, Payload: payload}.Bytes()
}

// peer is a WebSocket client that deals in frames.
type peer struct {
	*rawpeer.Peer
	t testing.TB
}

// handshake requests a WebSocket, with pairs of header fields, and returns the response.
func (r *testServer) handshake(query string, headers ...string) (*peer, rawpeer.Answer) {
	r.t.Helper()
	nc, err := r.dial()
	if err != nil {
		r.t.Fatal(err)
	}
	var lines []string
	for i := 0; i < len(headers); i += 2 {
		lines = append(lines, headers[i]+": "+headers[i+1])
	}
	p := &peer{rawpeer.On(r.t, nc), r.t}
	p.Write(rawpeer.Upgrade("/socket.io/?"+query, lines...))
	return p, p.Answer()
}

func (r *testServer) peer(headers ...string) *peer {
	r.t.Helper()
	p, resp := r.handshake(overWebSocket, headers...)
	if resp.Status != http.StatusSwitchingProtocols {
		r.t.Fatal(resp.Status)
	}
	if open := p.read(); open[0] != '0' {
		r.t.Fatalf("got %q", open)
	}
	return p
}

func (p *peer) send(packet string) {
	p.t.Helper()
	p.Send(packet)
}

func (p *peer) read() string {
	p.t.Helper()
	got, err := p.Next()
	if err == nil && got.First == opText|compressed {
		return inflate(p.t, got.Payload)
	}
	if err != nil || got.First != opText {
		p.t.Fatalf("frame %s, error %v; want a text", got, err)
	}
	return got.Payload
}

// offer asks for compressed messages, each on its own.
const offer = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"

// inflate reads a message of RFC 7692 that was compressed on its own.
func inflate(t testing.TB, payload string) string {
	t.Helper()
	z := flate.NewReader(io.MultiReader(strings.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (p *peer) cut() { p.Close() }

// want reads a packet.
func want(t testing.TB, w wire, packet string) {
	t.Helper()
	if got := w.read(); got != packet {
		t.Fatalf("got %.200q, want %.200q", got, packet)
	}
}

// enter joins the main namespace and returns the answer and the session.
func (r *testServer) enter(w wire, auth string) (string, *session) {
	r.t.Helper()
	w.send("40" + auth)
	got := w.read()
	if !strings.HasPrefix(got, `40{"sid":"`) {
		r.t.Fatalf("got %.200q", got)
	}
	return got, r.session()
}

func (r *testServer) enterB(w wire) *session {
	r.t.Helper()
	w.send("40/b,")
	if got := w.read(); !strings.HasPrefix(got, `40/b,{"sid":"`) {
		r.t.Fatalf("got %.200q", got)
	}
	return r.sessionB()
}

// both runs a test over each transport.
func both(t *testing.T, f func(t *testing.T, open func(*testServer) wire)) {
	t.Helper()
	t.Run("polling", func(t *testing.T) { f(t, func(r *testServer) wire { return r.poller() }) })
	t.Run("websocket", func(t *testing.T) { f(t, func(r *testServer) wire { return r.peer() }) })
}
