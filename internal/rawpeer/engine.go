package rawpeer

import (
	"net/http"
	"strings"
	"testing"
)

// Engine sends requests of Engine.IO 4 to one server. Target, EIO and Lines may be
// changed between requests.
type Engine struct {
	// Addr is host and port.
	Addr string
	// Target is the path, "/socket.io/".
	Target string
	// EIO is the version in the query, "4"; empty omits it.
	EIO string
	// Lines are header lines of every request, see [Upgrade].
	Lines []string

	t testing.TB
}

// NewEngine returns an Engine for the server at addr and the path /socket.io/.
func NewEngine(t testing.TB, addr string) *Engine {
	t.Helper()
	return &Engine{Addr: host(addr), Target: "/socket.io/", EIO: "4", t: t}
}

// Query returns the target with a query of EIO, transport and sid, without empty ones.
func (e *Engine) Query(transport, sid string) string {
	var parts []string
	for _, p := range [][2]string{{"EIO", e.EIO}, {"transport", transport}, {"sid", sid}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+p[1])
		}
	}
	return e.Target + "?" + strings.Join(parts, "&")
}

// Start writes raw bytes on a new connection and returns it without reading.
func (e *Engine) Start(raw string) *Peer {
	e.t.Helper()
	p := Dial(e.t, e.Addr)
	p.Write(raw)
	return p
}

// Do writes raw bytes on a new connection and returns the response.
func (e *Engine) Do(raw string) Answer {
	e.t.Helper()
	p := e.Start(raw)
	defer p.Close()
	return p.Answer()
}

// TryDo is [Engine.Do] for any goroutine. It closes the connection.
func (e *Engine) TryDo(raw string) (Answer, error) {
	p, err := TryDial(e.t, e.Addr)
	if err != nil {
		return Answer{}, err
	}
	defer p.Close()
	if err := p.TryWrite(raw); err != nil {
		return Answer{}, err
	}
	return p.TryAnswer()
}

// Poll opens a session over polling.
func (e *Engine) Poll() *Poller {
	e.t.Helper()
	a := e.Do(Request(http.MethodGet, e.Query("polling", ""), e.Lines...) + "\r\n")
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Body, "0{") {
		e.t.Fatalf("rawpeer: the polling handshake was answered %d %.200s", a.Status, a.Body)
	}
	return &Poller{Engine: e, SID: a.Get("sid")}
}

// WebSocket opens a session over WebSocket, and reads the open packet.
func (e *Engine) WebSocket(opts ...DialOption) *Socket {
	e.t.Helper()
	s := &Socket{Peer: Open(e.t, e.Addr, e.Query("websocket", ""), append([]DialOption{WithLines(e.Lines...)}, opts...)...)}
	open := s.Text()
	if !strings.HasPrefix(open, "0{") {
		e.t.Fatalf("rawpeer: got %.200q, want an open packet", open)
	}
	s.SID = field(open, "sid")
	return s
}

// Wire is a session over either transport.
type Wire interface {
	// Send sends one packet, "40" or "42[…]".
	Send(packet string)
	// Read returns the next packet, and answers pings.
	Read() string
	// Abort drops the session without a close.
	Abort()
}

// Socket is a session over WebSocket: a [Peer] with the packets of Engine.IO.
type Socket struct {
	*Peer
	SID string
}

// Read returns the next packet, and answers pings.
func (s *Socket) Read() string {
	s.t.Helper()
	for {
		packet := s.Text()
		if packet != "2" {
			return packet
		}
		s.Send("3")
	}
}

// Want reads a packet and compares.
func (s *Socket) Want(packet string) {
	s.t.Helper()
	WantPacket(s.t, s, packet)
}

// Poller is a session over polling.
type Poller struct {
	*Engine
	SID string

	waiting []string
}

// Get sends one poll.
func (p *Poller) Get() Answer {
	p.t.Helper()
	return p.Do(p.GetBytes())
}

// GetBytes returns the bytes of a poll, for [Engine.Start] and [Engine.TryDo].
func (p *Poller) GetBytes() string {
	return Request(http.MethodGet, p.Query("polling", p.SID), p.Lines...) + "\r\n"
}

// Post sends one POST.
func (p *Poller) Post(body string) Answer {
	p.t.Helper()
	return p.Do(p.PostBytes(body))
}

// PostBytes returns the bytes of a POST.
func (p *Poller) PostBytes(body string) string {
	return Post(p.Query("polling", p.SID), body, p.Lines...)
}

// Send sends one packet in a POST, and fails the test unless it is accepted.
func (p *Poller) Send(packet string) {
	p.t.Helper()
	if a := p.Post(packet); a.Status != http.StatusOK || a.Body != "ok" {
		p.t.Fatalf("rawpeer: the POST of %.50q was answered %d %.200s", packet, a.Status, a.Body)
	}
}

// Read returns the next packet, polling if none is left, and answers pings.
func (p *Poller) Read() string {
	p.t.Helper()
	for {
		for len(p.waiting) == 0 {
			a := p.Get()
			if a.Status != http.StatusOK {
				p.t.Fatalf("rawpeer: the poll was answered %d %.200s", a.Status, a.Body)
			}
			p.waiting = strings.Split(a.Body, "\x1e")
		}
		packet := p.waiting[0]
		p.waiting = p.waiting[1:]
		if packet != "2" {
			return packet
		}
		p.Send("3")
	}
}

// Abort starts a poll and aborts it, which closes the session.
func (p *Poller) Abort() {
	p.t.Helper()
	p.Start(p.GetBytes()).Close()
}

// Probe opens the WebSocket of an upgrade and exchanges the probes. The packet "5" then
// completes the upgrade.
func (p *Poller) Probe() *Socket {
	p.t.Helper()
	w := &Socket{Peer: Open(p.t, p.Addr, p.Query("websocket", p.SID), WithLines(p.Lines...)), SID: p.SID}
	w.Send("2probe")
	w.Want("3probe")
	return w
}

// Upgrade upgrades the session to WebSocket, without an open poll.
func (p *Poller) Upgrade() *Socket {
	p.t.Helper()
	w := p.Probe()
	w.Send("5")
	return w
}
