package audit_test

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
)

// way is a platform with a transport.
type way struct {
	name    string
	adapter func() websockets.Adapter
	polling bool
	upgrade bool
}

var socketIO = []way{
	{"socketio", func() websockets.Adapter { return socketio.New() }, false, false},
	{"socketio polling", func() websockets.Adapter { return socketio.New() }, true, false},
	{"socketio upgraded", func() websockets.Adapter {
		return socketio.New(socketio.Options{Compression: socketio.CompressionStream})
	}, false, true},
	{"zishang", func() websockets.Adapter { return zishang.New() }, false, false},
	{"zishang polling", func() websockets.Adapter { return zishang.New() }, true, false},
}

// own are those of Gatehouse's own server.
var own = socketIO[:3]

// each runs a test once for each way, beside each other.
func each(t *testing.T, name string, ways []way, f func(t *testing.T, w way)) {
	t.Helper()
	for _, w := range ways {
		t.Run(name+"/"+w.name, func(t *testing.T) {
			t.Parallel()
			f(t, w)
		})
	}
}

func (w way) stage(t *testing.T, opts ...stage.Option) *stage.Stage {
	t.Helper()
	// Sessions that nobody polls cannot be told of the end.
	brief := stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond})
	return stage.New(t, w.adapter(), append([]stage.Option{brief}, opts...)...)
}

// line is a Socket.IO connection that the server may end.
type line struct {
	t       *testing.T
	ws      *rawpeer.Socket
	poller  *rawpeer.Poller
	waiting []string
	do      func(method, body string) (status int, answer string) // a request of polling
	code    int                                                   // of the close frame, when it has ended
	text    string                                                // and its text
}

func (w way) dial(t *testing.T, s *stage.Stage, lines ...string) *line {
	t.Helper()
	e := rawpeer.NewEngine(t, s.Addr)
	e.Lines = lines
	if w.polling {
		l := &line{t: t, poller: e.Poll()}
		l.do = l.request
		return l
	}
	if w.upgrade {
		return &line{t: t, ws: e.Poll().Upgrade()}
	}
	return &line{t: t, ws: e.WebSocket()}
}

func (l *line) request(method, body string) (status int, answer string) {
	if method == http.MethodPost {
		a := l.poller.Post(body)
		return a.Status, a.Body
	}
	a := l.poller.Get()
	return a.Status, a.Body
}

// send sends packets, and reports whether the connection is there.
func (l *line) send(packets ...string) bool {
	if l.poller != nil {
		status, _ := l.do(http.MethodPost, strings.Join(packets, "\x1e"))
		return status == http.StatusOK
	}
	for _, p := range packets {
		if l.ws.TrySend(p) != nil {
			return false
		}
	}
	return true
}

// read gives the next packet; false when the connection has ended.
func (l *line) read() (string, bool) {
	l.t.Helper()
	for {
		p, ok := l.next()
		switch {
		case !ok:
			return "", false
		case p == "2":
			l.send("3")
		case p == "6":
		case p == "1":
			return "", false
		default:
			return p, true
		}
	}
}

func (l *line) next() (string, bool) {
	l.t.Helper()
	if l.ws != nil {
		got, err := l.ws.Next()
		switch {
		case rawpeer.IsTimeout(err):
			l.t.Fatal("the server sends nothing")
		case err != nil:
			return "", false
		case got.First == rawpeer.Fin|rawpeer.OpClose:
			l.code, l.text = got.CloseCode(), got.Payload[min(2, len(got.Payload)):]
			l.ws.Close()
			return "", false
		}
		return got.Payload, true
	}
	for len(l.waiting) == 0 {
		status, body := l.do(http.MethodGet, "")
		if status != http.StatusOK {
			return "", false
		}
		l.waiting = strings.Split(body, "\x1e")
	}
	p := l.waiting[0]
	l.waiting = l.waiting[1:]
	return p, true
}

// readTo reads until a packet begins with one of the prefixes; false when the
// connection has ended.
func (l *line) readTo(prefixes ...string) (string, bool) {
	l.t.Helper()
	for {
		p, ok := l.read()
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

// want reads until a packet with the prefix.
func (l *line) want(prefix string) string {
	l.t.Helper()
	p, ok := l.readTo(prefix)
	if !ok {
		l.t.Fatalf("the connection has ended (%d %s), want %s", l.code, l.text, prefix)
	}
	return p
}

var plainWS = func() websockets.Adapter { return ws.New() }

// leave ends the connection without an answer.
func (l *line) leave() {
	if l.poller != nil {
		_, _ = l.poller.TryDo(l.poller.PostBytes("1"))
		return
	}
	l.ws.Close()
}
