package edge_test

import (
	"io"
	"log/slog"
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

// way is one way to open a connection.
type way struct {
	*stage.Stage
	t       *testing.T
	name    string
	target  string
	polling bool
}

const (
	plain   = "ws"
	socket  = "socketio"
	polling = "polling"
)

// ways runs f for every platform and transport, or for those with the names.
func ways(t *testing.T, opts []stage.Option, f func(t *testing.T, d *way), names ...string) {
	t.Helper()
	for _, d := range []struct {
		name    string
		adapter adapter.Adapter
		target  string
	}{
		{plain, ws.New(), "/"},
		{"compressed ws", ws.New(ws.Options{Compression: ws.CompressionStream}), "/"},
		{socket, socketio.New(), "/socket.io/?EIO=4&transport=websocket"},
		{polling, socketio.New(), "/socket.io/?EIO=4&transport=polling"},
		{"zishang", zishang.New(), "/socket.io/?EIO=4&transport=websocket"},
		{"zishang polling", zishang.New(), "/socket.io/?EIO=4&transport=polling"},
	} {
		if len(names) > 0 && !strings.Contains(","+strings.Join(names, ",")+",", ","+d.name+",") {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			brief := stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond})
			w := &way{t: t, name: d.name, target: d.target, polling: strings.Contains(d.target, "polling")}
			w.Stage = stage.New(t, d.adapter, append([]stage.Option{brief}, opts...)...)
			f(t, w)
		})
	}
}

// conn is a handshake with its answer.
type conn struct {
	rawpeer.Answer
	w    *way
	peer *rawpeer.Peer
	sid  string
}

// open sends a handshake with these header lines.
func (d *way) open(lines ...string) *conn {
	d.t.Helper()
	raw := rawpeer.Upgrade(d.target, append([]string{"Sec-WebSocket-Extensions: permessage-deflate"}, lines...)...)
	if d.polling {
		raw = rawpeer.Request(http.MethodGet, d.target, lines...) + "\r\n"
	}
	p := rawpeer.Dial(d.t, d.Addr)
	p.Write(raw)
	c := &conn{w: d, peer: p, Answer: p.Answer()}
	c.sid = c.Get("sid")
	return c
}

// in reports whether the handshake was accepted.
func (c *conn) in() bool {
	return c.Status == http.StatusSwitchingProtocols || c.Status == http.StatusOK
}

// leave ends the connection: by FIN, or over polling by the packet that closes it.
func (c *conn) leave() {
	c.w.t.Helper()
	c.peer.Close()
	if c.w.polling && c.in() {
		e := rawpeer.NewEngine(c.w.t, c.w.Addr)
		if a := (&rawpeer.Poller{Engine: e, SID: c.sid}).Post("1"); a.Status != http.StatusOK {
			c.w.t.Errorf("closing a session was answered %d %s", a.Status, a.Body)
		}
	}
}

// want opens a connection, and checks that it is accepted.
func (d *way) want(lines ...string) *conn {
	d.t.Helper()
	c := d.open(lines...)
	if !c.in() {
		d.t.Fatalf("refused with %d %s, want a connection", c.Status, c.Body)
	}
	return c
}

// refused opens a connection, and checks that it is refused in the platform's form.
func (d *way) refused(status int, code string, lines ...string) {
	d.t.Helper()
	c := d.open(lines...)
	defer c.leave()
	if c.Status != status || c.Header.Get("Retry-After") == "" || !strings.Contains(c.Body, `"code":"`+code+`"`) ||
		!strings.HasPrefix(c.Header.Get("Content-Type"), "application/json") {
		d.t.Fatalf("answered %d %v %s, want %d with Retry-After and %q", c.Status, c.Header, c.Body, status, code)
	}
}

// eventually opens a connection as soon as it is accepted.
func (d *way) eventually(lines ...string) *conn {
	d.t.Helper()
	var c *conn
	d.Wait("a place is free", func() bool {
		if c = d.open(lines...); !c.in() {
			c.leave()
		}
		return c.in()
	})
	return c
}

func loggerTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
