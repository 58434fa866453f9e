package engineio

import (
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

// The first bytes of frames.
const (
	opText   = rawpeer.Fin | rawpeer.OpText
	opBinary = rawpeer.Fin | rawpeer.OpBinary
	opClose  = rawpeer.Fin | rawpeer.OpClose
)

// frame returns a masked frame.
func frame(first byte, payload string) string {
	return rawpeer.Frame{First: first, Payload: payload}.Bytes()
}

// peer is a WebSocket client that deals in frames.
type peer struct {
	*rawpeer.Peer
	t *testing.T
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
	p.Write(rawpeer.Upgrade("/?"+query, lines...))
	return p, p.Answer()
}

const overWebSocket = "EIO=4&transport=websocket"

// peer opens a session over WebSocket.
func (r *testServer) peer(headers ...string) (*peer, *recorder) {
	r.t.Helper()
	p, resp := r.handshake(overWebSocket, headers...)
	if resp.Status != http.StatusSwitchingProtocols {
		r.t.Fatal(resp.Status)
	}
	sidOf(r.t, p.read())
	return p, r.opened()
}

// probe starts the upgrade of a session.
func (p *poller) probe() *peer {
	p.r.t.Helper()
	w, resp := p.r.handshake(overWebSocket + "&sid=" + p.sid)
	if resp.Status != http.StatusSwitchingProtocols {
		p.r.t.Fatal(resp.Status)
	}
	w.send("2probe")
	w.want("3probe")
	return w
}

func (p *peer) send(text string) {
	p.t.Helper()
	p.Send(text)
}

func (p *peer) read() string {
	p.t.Helper()
	return p.Exact(opText)
}

func (p *peer) want(text string) {
	p.t.Helper()
	if got := p.read(); got != text {
		p.t.Fatalf("got %.100q, want %.100q", got, text)
	}
}
