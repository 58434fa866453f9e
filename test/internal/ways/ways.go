// Package ways provides Socket.IO connections for tests that run on every transport: a
// [Line] sends and reads packets over WebSocket or polling, to Gatehouse's own server or
// to zishang's.
package ways

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Way is a platform with a transport.
type Way struct {
	Name    string
	Adapter func() adapter.Adapter
	Polling bool
	Upgrade bool // starts with polling
}

// SocketIO returns all ways: to Gatehouse's own server, then to zishang's.
func SocketIO() []Way { return With(socketio.Options{}, zishang.Options{}) }

// Own returns the ways to Gatehouse's own server.
func Own() []Way { return SocketIO()[:2] }

// With is [SocketIO] with options.
func With(own socketio.Options, other zishang.Options) []Way {
	one := func() adapter.Adapter { return socketio.New(own) }
	two := func() adapter.Adapter { return zishang.New(other) }
	return []Way{
		{Name: "socketio", Adapter: one},
		{Name: "socketio polling", Adapter: one, Polling: true},
		{Name: "zishang", Adapter: two},
		{Name: "zishang polling", Adapter: two, Polling: true},
	}
}

// Stage starts an application with a short close timeout.
func (w Way) Stage(t *testing.T, opts ...stage.Option) *stage.Stage {
	t.Helper()
	// Without a poll, a session does not notice the close.
	brief := stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond})
	return stage.New(t, w.Adapter(), append([]stage.Option{brief}, opts...)...)
}

// Line is a Socket.IO connection that the server may close.
type Line struct {
	T      *testing.T
	WS     *rawpeer.Socket                                       // nil for polling
	Poller *rawpeer.Poller                                       // nil for WebSocket
	Do     func(method, body string) (status int, answer string) // a request of polling
	Code   int                                                   // of the close frame, if received
	Text   string                                                // of the close frame

	waiting []string
}

// Dial opens a connection; lines are header lines of its requests.
func (w Way) Dial(t *testing.T, s *stage.Stage, lines ...string) *Line {
	t.Helper()
	e := rawpeer.NewEngine(t, s.Addr)
	e.Lines = lines
	if w.Polling {
		l := &Line{T: t, Poller: e.Poll()}
		l.Do = l.Request
		return l
	}
	if w.Upgrade {
		return &Line{T: t, WS: e.Poll().Upgrade()}
	}
	return &Line{T: t, WS: e.WebSocket()}
}

// Request sends a polling request.
func (l *Line) Request(method, body string) (status int, answer string) {
	if method == http.MethodPost {
		a := l.Poller.Post(body)
		return a.Status, a.Body
	}
	a := l.Poller.Get()
	return a.Status, a.Body
}

// Send sends packets, and reports whether the connection is open.
func (l *Line) Send(packets ...string) bool {
	if l.Poller != nil {
		status, _ := l.Do(http.MethodPost, strings.Join(packets, "\x1e"))
		return status == http.StatusOK
	}
	for _, p := range packets {
		if l.WS.TrySend(p) != nil {
			return false
		}
	}
	return true
}

// Read returns the next packet, and answers pings. It returns false if the connection is
// closed.
func (l *Line) Read() (string, bool) {
	l.T.Helper()
	for {
		p, ok := l.next()
		switch {
		case !ok:
			return "", false
		case p == "2":
			l.Send("3")
		case p == "6":
		case p == "1":
			return "", false
		default:
			return p, true
		}
	}
}

func (l *Line) next() (string, bool) {
	l.T.Helper()
	if l.WS != nil {
		got, err := l.WS.Next()
		switch {
		case rawpeer.IsTimeout(err):
			l.T.Fatal("the server sends nothing")
		case err != nil:
			return "", false
		case got.First == rawpeer.Fin|rawpeer.OpClose:
			l.Code, l.Text = got.CloseCode(), got.Payload[min(2, len(got.Payload)):]
			l.WS.Close()
			return "", false
		}
		return got.Payload, true
	}
	for len(l.waiting) == 0 {
		status, body := l.Do(http.MethodGet, "")
		if status != http.StatusOK {
			return "", false
		}
		l.waiting = strings.Split(body, "\x1e")
	}
	p := l.waiting[0]
	l.waiting = l.waiting[1:]
	return p, true
}

// ReadTo returns the next packet with one of the prefixes, or false if the connection is
// closed.
func (l *Line) ReadTo(prefixes ...string) (string, bool) {
	l.T.Helper()
	for {
		p, ok := l.Read()
		if !ok {
			return "", false
		}
		for _, prefix := range prefixes {
			if strings.HasPrefix(p, prefix) {
				return p, true
			}
		}
	}
}

// Want returns the next packet with the prefix.
func (l *Line) Want(prefix string) string {
	l.T.Helper()
	p, ok := l.ReadTo(prefix)
	if !ok {
		l.T.Fatalf("the connection is closed (%d %s), want %s", l.Code, l.Text, prefix)
	}
	return p
}

// WantEnd reads until the connection is closed, over WebSocket with the code.
func (l *Line) WantEnd(code int) {
	l.T.Helper()
	for {
		if _, ok := l.Read(); !ok {
			break
		}
	}
	if l.WS != nil && l.Code != code {
		l.T.Errorf("closed with %d %q, want %d", l.Code, l.Text, code)
	}
}

// PlainWS returns an adapter of plain WebSocket.
func PlainWS() adapter.Adapter { return ws.New() }

// Leave closes the connection without waiting for an answer.
func (l *Line) Leave() {
	if l.Poller != nil {
		_, _ = l.Poller.TryDo(l.Poller.PostBytes("1"))
		return
	}
	l.WS.Close()
}
