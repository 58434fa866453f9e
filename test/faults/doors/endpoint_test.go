package doors_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// endpoint is a platform and transport that accepts handshakes.
type endpoint struct {
	*stage.Stage
	t       *testing.T
	name    string
	target  string
	polling bool
}

const (
	plain     = "ws"
	overWS    = "socketio"
	byPolling = "polling"
)

// handshakeTimeout is long enough for a busy machine.
const handshakeTimeout = 5 * time.Second

// eachEndpoint runs f for all kinds of handshake, or those with the names.
func eachEndpoint(t *testing.T, opts []stage.Option, f func(t *testing.T, d *endpoint), names ...string) {
	t.Helper()
	for _, d := range []endpoint{
		{name: plain, target: "/"},
		{name: overWS, target: "/socket.io/?EIO=4&transport=websocket"},
		{name: byPolling, target: "/socket.io/?EIO=4&transport=polling", polling: true},
	} {
		if len(names) > 0 && !strings.Contains(strings.Join(names, " "), d.name) {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			var adapter adapter.Adapter = socketio.New()
			if d.name == plain {
				adapter = ws.New(ws.Options{Subprotocols: []string{"v2", "v1"}})
			}
			// Sessions without a poll cannot be notified of the end.
			brief := stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond, HandshakeTimeout: handshakeTimeout})
			d.Stage = stage.New(t, adapter, append([]stage.Option{brief}, opts...)...)
			d.t = t
			f(t, &d)
		})
	}
}

// request returns the request that opens a connection.
func (d *endpoint) request(lines ...string) string {
	if d.polling {
		return rawpeer.Request(http.MethodGet, d.target, lines...) + "\r\n"
	}
	return rawpeer.Upgrade(d.target, lines...)
}

// handshake sends the handshake and returns the answer.
func (d *endpoint) handshake(lines ...string) rawpeer.Answer {
	d.t.Helper()
	return d.ask(d.request(lines...))
}

func (d *endpoint) ask(raw string) rawpeer.Answer {
	d.t.Helper()
	p := rawpeer.Dial(d.t, d.Addr)
	defer p.Close()
	p.Write(raw)
	return p.Answer()
}

// opened is the status of an accepted client.
func (d *endpoint) opened() int {
	if d.polling {
		return http.StatusOK
	}
	return http.StatusSwitchingProtocols
}

// alive checks that a correct client is served, and that all clients have disconnected.
func (d *endpoint) alive() {
	d.t.Helper()
	switch d.name {
	case plain:
		rawpeer.AliveWS(d.t, d.Addr, d.target)
	case overWS:
		rawpeer.AliveSocketIO(d.t, d.Addr)
	case byPolling:
		rawpeer.AlivePolling(d.t, d.Addr)
	}
	d.WantGone(1)
}

// quiet checks that nothing was logged as the server's own error.
func (d *endpoint) quiet() {
	d.t.Helper()
	for line := range strings.Lines(d.Log.String()) {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "panic") {
			d.t.Errorf("logged: %s", line)
		}
	}
}

// try is ask for requests that the server may interrupt.
func (d *endpoint) try(raw string) (rawpeer.Answer, error) {
	p := rawpeer.Dial(d.t, d.Addr)
	defer p.Close()
	_ = p.TryWrite(raw) // the answer may be readable nevertheless
	return p.TryAnswer()
}
