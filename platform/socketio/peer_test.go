package socketio

import (
	"bufio"
	"compress/flate"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
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

// peer is a WebSocket client that deals in frames.
type peer struct {
	t  testing.TB
	nc net.Conn
	br *bufio.Reader
}

const (
	opText   = 0x81
	opBinary = 0x82
	opClose  = 0x88

	compressed = 0x40 // in the first byte
)

// handshake requests a WebSocket and returns the response.
func (r *testServer) handshake(query string, headers ...string) (*peer, *http.Response) {
	r.t.Helper()
	nc, err := r.dial()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = nc.Close() })
	head := "GET /socket.io/?" + query + " HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for i := 0; i < len(headers); i += 2 {
		head += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	_, _ = io.WriteString(nc, head+"\r\n")
	p := &peer{t: r.t, nc: nc, br: bufio.NewReaderSize(nc, 64<<10)}
	resp, err := http.ReadResponse(p.br, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return p, resp
}

func (r *testServer) peer(headers ...string) *peer {
	r.t.Helper()
	p, resp := r.handshake(overWebSocket, headers...)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		r.t.Fatal(resp.Status)
	}
	if open := p.read(); open[0] != '0' {
		r.t.Fatalf("got %q", open)
	}
	return p
}

func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = append(b, 0x80|byte(n))
	}
	b = append(b, 0, 0, 0, 0) // a mask that changes nothing
	return append(b, payload...)
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.nc.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) send(packet string) {
	p.t.Helper()
	p.write(frame(opText, packet))
}

// next reads a frame, with the whole of its first byte.
func (p *peer) next() (first byte, payload string, err error) {
	_ = p.nc.SetReadDeadline(time.Now().Add(time.Minute))
	var b [10]byte
	if _, err := io.ReadFull(p.br, b[:2]); err != nil {
		return 0, "", err
	}
	n := uint64(b[1])
	if size := map[uint64]int{126: 2, 127: 8}[n]; size > 0 {
		if _, err := io.ReadFull(p.br, b[10-size:]); err != nil {
			return 0, "", err
		}
		clear(b[2 : 10-size])
		n = binary.BigEndian.Uint64(b[2:])
	}
	buf := make([]byte, n)
	_, err = io.ReadFull(p.br, buf)
	return b[0], string(buf), err
}

func (p *peer) read() string {
	p.t.Helper()
	first, payload, err := p.next()
	if err == nil && first == opText|compressed {
		first = opText
		payload = inflate(p.t, payload)
	}
	if err != nil || first != opText {
		p.t.Fatalf("frame %x %.100q, error %v; want a text", first, payload, err)
	}
	return payload
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

func (p *peer) cut() { _ = p.nc.Close() }

// wantClose expects a close frame with the code, and closes the socket.
func (p *peer) wantClose(code int) {
	p.t.Helper()
	first, payload, err := p.next()
	got := 0
	if err == nil && first == opClose && len(payload) >= 2 {
		got = int(binary.BigEndian.Uint16([]byte(payload)))
	}
	if got != code {
		p.t.Errorf("frame %x %.100q, error %v; want the close code %d", first, payload, err, code)
	}
	_ = p.nc.Close()
}

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
