package engineio

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// peer is a WebSocket client that deals in frames.
type peer struct {
	t    *testing.T
	nc   net.Conn
	br   *bufio.Reader
	wait time.Duration // for a frame, if it is long
}

const (
	opText   = 0x81
	opBinary = 0x82
	opClose  = 0x88
)

// handshake requests a WebSocket and returns the response.
func (r *testServer) handshake(query string, headers ...string) (*peer, *http.Response) {
	r.t.Helper()
	nc, err := r.dial()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = nc.Close() })
	head := "GET /?" + query + " HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for i := 0; i < len(headers); i += 2 {
		head += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	_, _ = io.WriteString(nc, head+"\r\n")
	p := &peer{t: r.t, nc: nc, br: bufio.NewReader(nc)}
	resp, err := http.ReadResponse(p.br, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return p, resp
}

const overWebSocket = "EIO=4&transport=websocket"

// peer opens a session over WebSocket.
func (r *testServer) peer(headers ...string) (*peer, *recorder) {
	r.t.Helper()
	p, resp := r.handshake(overWebSocket, headers...)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		r.t.Fatal(resp.Status)
	}
	sidOf(r.t, p.read())
	return p, r.opened()
}

// probe starts the upgrade of a session.
func (p *poller) probe() *peer {
	p.r.t.Helper()
	w, resp := p.r.handshake(overWebSocket + "&sid=" + p.sid)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		p.r.t.Fatal(resp.Status)
	}
	w.send("2probe")
	w.want("3probe")
	return w
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

func (p *peer) send(text string) {
	p.t.Helper()
	p.write(frame(opText, text))
}

// next reads a frame, with the whole of its first byte.
func (p *peer) next() (first byte, payload string, err error) {
	_ = p.nc.SetReadDeadline(time.Now().Add(max(p.wait, 2*patience)))
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
	if err != nil || first != opText {
		p.t.Fatalf("frame %x %.100q, error %v; want a text", first, payload, err)
	}
	return payload
}

func (p *peer) want(text string) {
	p.t.Helper()
	if got := p.read(); got != text {
		p.t.Fatalf("got %.100q, want %.100q", got, text)
	}
}

// wantClose expects a close frame with the code; 0 for the end without one.
func (p *peer) wantClose(code int) {
	p.t.Helper()
	first, payload, err := p.next()
	got := 0
	if err == nil && first == opClose && len(payload) >= 2 {
		got = int(binary.BigEndian.Uint16([]byte(payload)))
	}
	if got != code || code == 0 && err == nil {
		p.t.Errorf("frame %x %.100q, error %v; want the close code %d", first, payload, err, code)
	}
	_ = p.nc.Close() // the server waits for it
}
