package rawpeer

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Answer is an HTTP response.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Get returns the value of a string field of a JSON body.
func (a Answer) Get(name string) string { return field(a.Body, name) }

func field(text, name string) string {
	_, rest, _ := strings.Cut(text, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// Key is the Sec-WebSocket-Key that [Upgrade] sends.
const Key = "dGhlIHNhbXBsZSBub25jZQ=="

// Upgrade returns the bytes of a WebSocket handshake. A line "Name: value" replaces the
// default lines of that name, and "Name" alone removes them; several lines of one name
// are all sent.
//
//	rawpeer.Upgrade("/ws", "Origin: null", "Sec-WebSocket-Version: 8", "Upgrade")
func Upgrade(target string, lines ...string) string {
	return Request(http.MethodGet, target, append([]string{
		"!Connection: Upgrade", "!Upgrade: websocket", "!Sec-WebSocket-Version: 13", "!Sec-WebSocket-Key: " + Key,
	}, lines...)...) + "\r\n"
}

// Request returns the request line and the header, without the empty line at the end.
// The Host is example.com; lines are as in [Upgrade].
func Request(method, target string, lines ...string) string {
	replaced := map[string]bool{}
	for _, line := range lines {
		if !strings.HasPrefix(line, "!") {
			replaced[nameOf(line)] = true
		}
	}
	var b strings.Builder
	b.WriteString(method + " " + target + " HTTP/1.1\r\n")
	for _, line := range append([]string{"!Host: example.com"}, lines...) {
		line, standard := strings.CutPrefix(line, "!")
		if standard && replaced[nameOf(line)] || !strings.Contains(line, ":") {
			continue
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}

func nameOf(line string) string {
	name, _, _ := strings.Cut(line, ":")
	return strings.ToLower(name)
}

// Post returns the bytes of a POST with a body.
func Post(target, body string, lines ...string) string {
	return Request(http.MethodPost, target, append([]string{
		"!Content-Type: text/plain;charset=UTF-8", "!Content-Length: " + strconv.Itoa(len(body)),
	}, lines...)...) + "\r\n" + body
}

// Answer reads a response, and stores the header of a 101 in p.Header.
func (p *Peer) Answer() Answer {
	p.t.Helper()
	a, err := p.TryAnswer()
	if err != nil {
		p.t.Fatalf("rawpeer: reading the response: %v", err)
	}
	return a
}

// TryAnswer is [Peer.Answer] with an error.
func (p *Peer) TryAnswer() (Answer, error) {
	_ = p.Conn.SetReadDeadline(p.deadline())
	resp, err := http.ReadResponse(p.R, nil)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Status == http.StatusSwitchingProtocols {
		p.Header = a.Header
		return a, nil
	}
	b, err := io.ReadAll(resp.Body)
	a.Body = string(b)
	return a, err
}
