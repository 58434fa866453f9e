package audit_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// edge is one way to open connections to a stage that allows one at a time.
type edge struct {
	*stage.Stage
	t       *testing.T
	name    string
	target  string
	polling bool
}

// Heartbeats of the stages: a client that answers none is gone after silence.
const (
	pingInterval = 300 * time.Millisecond
	pingTimeout  = 2 * time.Second
	silence      = pingInterval + pingTimeout
)

const engineTarget = "/socket.io/?EIO=4&transport="

var edges = []struct {
	name    string
	adapter func(socketio.Options) adapter.Adapter
	target  string
}{
	{"ws", func(socketio.Options) adapter.Adapter { return ws.New() }, "/"},
	{"compressed ws", func(socketio.Options) adapter.Adapter {
		return ws.New(ws.Options{Compression: ws.CompressionStream, Subprotocols: []string{"v1"}})
	}, "/"},
	{"socketio", func(o socketio.Options) adapter.Adapter { return socketio.New(o) }, engineTarget + "websocket"},
	{"socketio polling", func(o socketio.Options) adapter.Adapter { return socketio.New(o) }, engineTarget + "polling"},
	{"msgpack", func(o socketio.Options) adapter.Adapter { o.Parser = msgpack.Parser(); return socketio.New(o) }, engineTarget + "websocket"},
	{"zishang", func(socketio.Options) adapter.Adapter { return zishang.New() }, engineTarget + "websocket"},
	{"zishang polling", func(socketio.Options) adapter.Adapter { return zishang.New() }, engineTarget + "polling"},
}

func eachEdge(t *testing.T, o socketio.Options, opts []stage.Option, f func(t *testing.T, e *edge)) {
	t.Helper()
	for _, d := range edges {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			brief := stage.Limits(websockets.Limits{
				CloseTimeout: 200 * time.Millisecond, HandshakeTimeout: 400 * time.Millisecond,
				PingInterval: pingInterval, PingTimeout: pingTimeout,
			})
			one := stage.App(app.MaxConnections(1), app.MaxConnectionsPerAddress(1), app.TrustedProxies("127.0.0.1"))
			e := &edge{t: t, name: d.name, target: d.target, polling: strings.HasSuffix(d.target, "polling")}
			e.Stage = stage.New(t, d.adapter(o), append([]stage.Option{brief, one}, opts...)...)
			f(t, e)
		})
	}
}

func (e *edge) request(lines ...string) string {
	if e.polling {
		return rawpeer.Request(http.MethodGet, e.target, lines...) + "\r\n"
	}
	return rawpeer.Upgrade(e.target, lines...)
}

// open sends a handshake, and returns its answer.
func (e *edge) open(lines ...string) (*rawpeer.Peer, rawpeer.Answer) {
	e.t.Helper()
	p := rawpeer.Dial(e.t, e.Addr)
	p.Write(e.request(lines...))
	a, err := p.TryAnswer()
	if err != nil {
		e.t.Fatalf("%s: no answer: %v", e.name, err)
	}
	return p, a
}

// one checks that exactly one place is free, and frees it again.
func (e *edge) one(after string) {
	e.t.Helper()
	in := func(a rawpeer.Answer) bool {
		return a.Status == http.StatusOK || a.Status == http.StatusSwitchingProtocols
	}
	leave := func(p *rawpeer.Peer, a rawpeer.Answer) {
		p.Close()
		if e.polling && in(a) {
			s := &rawpeer.Poller{Engine: rawpeer.NewEngine(e.t, e.Addr), SID: a.Get("sid")}
			s.Post("1")
		}
	}
	e.Wait("exactly one place is free after "+after, func() bool {
		started := time.Now()
		p, a := e.open()
		defer leave(p, a)
		if !in(a) {
			return false
		}
		for range 2 {
			other, got := e.open()
			leave(other, got)
			if got.Status == http.StatusServiceUnavailable || got.Status == http.StatusTooManyRequests {
				continue
			}
			if time.Since(started) < silence { // otherwise the first one may be gone
				e.t.Fatalf("%s, after %s: a second place was free: %d %s", e.name, after, got.Status, got.Body)
			}
			return false
		}
		return true
	})
}

func kindGuard(f func(ctx context.Context, mode string) error) handshakes {
	return handshakes{pipeline.GuardFunc(func(ctx context.Context, c *pipeline.Call) error {
		if c.Request == nil || c.Kind != pipeline.KindHandshake && c.Kind != pipeline.KindConnect {
			return nil
		}
		return f(ctx, c.Request.Header.Get("X-Mode"))
	})}
}

// handshakes is a guard that runs on requests that open connections.
type handshakes struct{ pipeline.Guard }

// CheckHandshake implements [pipeline.HandshakeGuard].
func (h handshakes) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	return h.Check(ctx, c)
}

// TestAudit_PlacesOfFailedHandshakes: a handshake that fails, at any stage and by any fault of client, guard or
// option, frees its place once.
func TestAudit_PlacesOfFailedHandshakes(t *testing.T) {
	guard := kindGuard(func(ctx context.Context, mode string) error {
		switch mode {
		case "refuse":
			return pipeline.ErrForbidden
		case "own status":
			return &pipeline.Error{Message: "tea", Status: http.StatusTeapot}
		case "panic":
			panic(errors.New("of the application"))
		case "exit":
			runtime.Goexit()
		case "wait":
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	o := socketio.Options{AllowRequest: func(r *http.Request) error {
		switch r.Header.Get("X-Mode") {
		case "option refuses":
			return pipeline.ErrForbidden
		case "option panics":
			panic("of the option")
		}
		return nil
	}}
	opts := []stage.Option{stage.App(app.UseGuards(guard)), stage.OnConnect(func(_ context.Context, c websockets.Client) error {
		switch c.Request().Header.Get("X-Mode") {
		case "hook refuses":
			return pipeline.ErrForbidden
		case "hook panics":
			panic("of the hook")
		case "hook kicks":
			c.DisconnectAll()
		}
		return nil
	})}
	eachEdge(t, o, opts, func(t *testing.T, e *edge) {
		for _, lines := range [][]string{
			{"X-Mode: refuse"}, {"X-Mode: own status"}, {"X-Mode: panic"}, {"X-Mode: exit"}, {"X-Mode: wait"},
			{"Origin: https://elsewhere.example"}, {"Origin: null"}, {"Origin: https://a.example", "Origin: https://b.example"},
			{"Sec-WebSocket-Version: 8"}, {"Sec-WebSocket-Key: short"}, {"Sec-WebSocket-Key"}, {"Upgrade: h2c"}, {"Connection: close"},
			{"Sec-WebSocket-Protocol: v9"}, {"Sec-WebSocket-Protocol: ,,"}, {"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99"},
			{"X-Mode: option refuses"}, {"X-Mode: option panics"},
			{"X-Mode: hook refuses"}, {"X-Mode: hook panics"}, {"X-Mode: hook kicks"},
		} {
			p := rawpeer.Dial(t, e.Addr)
			p.Write(e.request(lines...))
			a, _ := p.TryAnswer()
			if a.Status == http.StatusOK && e.polling { // accepted: the session ends without polls
				(&rawpeer.Poller{Engine: rawpeer.NewEngine(t, e.Addr), SID: a.Get("sid")}).Post("1")
			}
			p.Close()
			e.one(strings.Join(lines, ", "))
		}
		for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodOptions, http.MethodPut} {
			p := rawpeer.Dial(t, e.Addr)
			p.Write(strings.Replace(e.request(), http.MethodGet, method, 1))
			p.Close()
			e.one(method)
		}
		for name, end := range map[string]func(*rawpeer.Peer){
			"FIN": (*rawpeer.Peer).Close, "RST": (*rawpeer.Peer).Reset, "half": func(p *rawpeer.Peer) { p.HalfClose(); p.WantEnd(); p.Close() },
		} {
			for _, mode := range []string{"X-Mode: wait", "X-Mode: none"} {
				p := rawpeer.Dial(t, e.Addr)
				p.Write(e.request(mode))
				end(p)
				e.one(name + ", " + mode)
			}
		}
		p := rawpeer.Dial(t, e.Addr) // pipelined: the answer to the second needs the connection that the first has hijacked
		p.Write(e.request() + e.request())
		_, _ = p.TryAnswer()
		p.Close()
		e.one("two requests at once")
		p = rawpeer.Dial(t, e.Addr)
		p.Write(strings.Replace(e.request(), "HTTP/1.1", "HTTP/1.0", 1))
		p.HalfClose()
		p.WantEnd()
		p.Close()
		e.one("HTTP/1.0")
	})
}

// TestAudit_PlacesOfSessions: a session over polling without polls, with invalid packets, or with an incomplete
// upgrade frees its place once.
func TestAudit_PlacesOfSessions(t *testing.T) {
	eachEdge(t, socketio.Options{UpgradeTimeout: pingTimeout}, nil, func(t *testing.T, e *edge) {
		if !e.polling {
			return
		}
		for name, f := range map[string]func(p *rawpeer.Poller){
			"never polled":         func(*rawpeer.Poller) {},
			"polled once, then no": func(p *rawpeer.Poller) { p.Send("40"); p.Read() },
			"poll cut":             func(p *rawpeer.Poller) { p.Abort() },
			"two polls":            func(p *rawpeer.Poller) { a := p.Start(p.GetBytes()); p.Get(); a.Close() },
			"rubbish":              func(p *rawpeer.Poller) { p.Post("4nonsense") },
			"empty body":           func(p *rawpeer.Poller) { p.Post("") },
			"body cut":             func(p *rawpeer.Poller) { s := p.PostBytes("40"); p.Start(s[:len(s)-1]).Reset() },
			"probe left":           func(p *rawpeer.Poller) { p.Probe() },
			"probe cut, session closed": func(p *rawpeer.Poller) {
				p.Probe().Reset()
				p.Post("1")
			},
			"session closed while probing": func(p *rawpeer.Poller) { p.Probe(); p.Post("1") },
			"upgraded and reset":           func(p *rawpeer.Poller) { p.Upgrade().Reset() },
			"upgraded and silent":          func(p *rawpeer.Poller) { p.Upgrade() },
			"upgraded and left":            func(p *rawpeer.Poller) { w := p.Upgrade(); w.Send("1"); w.WantEnd() },
			"two probes": func(p *rawpeer.Poller) {
				first := p.Probe()
				second := p.Start(rawpeer.Upgrade(p.Query("websocket", p.SID)))
				first.Send("5")
				second.Reset()
				first.Reset()
			},
			"upgraded, the WebSocket again": func(p *rawpeer.Poller) {
				w := p.Upgrade()
				p.Start(rawpeer.Upgrade(p.Query("websocket", p.SID))).Close()
				w.Abort()
			},
			"upgraded with a poll open": func(p *rawpeer.Poller) {
				a := p.Start(p.GetBytes())
				w := p.Probe()
				w.Send("5")
				a.Close()
				w.Reset()
			},
			"wrong probe": func(p *rawpeer.Poller) {
				w := rawpeer.Open(t, p.Addr, p.Query("websocket", p.SID))
				w.Send("4nonsense")
				w.Close()
			},
			"upgrade refused": func(p *rawpeer.Poller) {
				p.Do(rawpeer.Upgrade(p.Query("websocket", p.SID), "Sec-WebSocket-Version: 8"))
				p.Post("1")
			},
		} {
			var p *rawpeer.Poller
			e.Wait("a session before "+name, func() bool {
				c, a := e.open()
				c.Close()
				p = &rawpeer.Poller{Engine: rawpeer.NewEngine(t, e.Addr), SID: a.Get("sid")}
				return a.Status == http.StatusOK
			})
			f(p)
			e.one(name)
		}
	})
}
