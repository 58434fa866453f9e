// Package audit_test combines conditions that other tests try one at a time: limits, compression, ways to leave, slow
// hooks, upgrades and namespaces, on every platform and transport.
//
// AUDIT_LONG=1 runs the long variants.
package audit_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "5")                                                                                  // most of them wait for a timeout
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/zishang520/socket.io/v3/pkg/utils.SetTimeout.func1")) // a timer of that library may outlive its connection
}

var long = os.Getenv("AUDIT_LONG") != ""

// kind is a platform over a transport.
type kind struct {
	name    string
	adapter func() adapter.Adapter
	tls     bool
	open    func(t testing.TB, addr string) *client
}

func (k kind) plain() bool { return strings.HasPrefix(k.name, "ws") }
func (k kind) polls() bool { return strings.HasSuffix(k.name, "polling") }

// text returns one message in the client's encoding.
func (k kind) text(event, data string) string {
	if k.plain() {
		return `{"event":"` + event + `","data":` + data + `}`
	}
	return `42["` + event + `",` + data + `]`
}

// request returns a message that requests an answer.
func (k kind) request(event string, id int, data string) string {
	if k.plain() {
		return fmt.Sprintf(`{"event":%q,"id":%d,"data":%s}`, event, id, data)
	}
	return fmt.Sprintf(`42%d[%q,%s]`, id, event, data)
}

// client is a connection that sends without reading.
type client struct {
	*rawpeer.Peer // sends on this connection
	wire          rawpeer.Wire
	poller        *rawpeer.Poller
	send          func(messages ...string) error
	closing       string // the frame or packet of a clean close
}

const deflate = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"

var insecure = rawpeer.WithTLS(&tls.Config{InsecureSkipVerify: true})

func kinds() []kind {
	plain := func(o ...ws.Options) func() adapter.Adapter {
		return func() adapter.Adapter { return ws.New(o...) }
	}
	own := func(o ...socketio.Options) func() adapter.Adapter {
		return func() adapter.Adapter { return socketio.New(o...) }
	}
	other := func() adapter.Adapter { return zishang.New() }
	return []kind{
		{"ws", plain(), false, openWS()},
		{"ws by TLS", plain(), true, openWS(insecure)},
		{"ws compressed each", plain(ws.Options{Compression: ws.CompressionEach}), false, openWS(rawpeer.WithLines(deflate))},
		{"ws compressed stream", plain(ws.Options{Compression: ws.CompressionStream}), false, openWS(rawpeer.WithLines("Sec-WebSocket-Extensions: permessage-deflate"))},
		{"socketio", own(), false, openSocketIO()},
		{"socketio by TLS", own(), true, openSocketIO(insecure)},
		{"socketio compressed each", own(socketio.Options{Compression: socketio.CompressionEach}), false, openSocketIO(rawpeer.WithLines(deflate))},
		{"socketio upgraded", own(), false, openUpgraded},
		{"socketio polling", own(), false, openPolling},
		{"zishang", other, false, openSocketIO()},
		{"zishang upgraded", other, false, openUpgraded},
		{"zishang polling", other, false, openPolling},
	}
}

func kindOf(name string) kind {
	all := kinds()
	return all[slices.IndexFunc(all, func(k kind) bool { return k.name == name })]
}

func openWS(opts ...rawpeer.DialOption) func(testing.TB, string) *client {
	return func(t testing.TB, addr string) *client {
		t.Helper()
		return framed(rawpeer.Open(t, addr, "/", opts...), nil)
	}
}

func openSocketIO(opts ...rawpeer.DialOption) func(testing.TB, string) *client {
	return func(t testing.TB, addr string) *client {
		t.Helper()
		s := rawpeer.NewEngine(t, addr).WebSocket(opts...)
		rawpeer.Enter(t, s, "/", "")
		return framed(s.Peer, s)
	}
}

func openUpgraded(t testing.TB, addr string) *client {
	t.Helper()
	p := rawpeer.NewEngine(t, addr).Poll()
	rawpeer.Enter(t, p, "/", "")
	s := p.Upgrade()
	return framed(s.Peer, s)
}

func framed(p *rawpeer.Peer, w rawpeer.Wire) *client {
	return &client{
		Peer: p, wire: w, closing: rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpClose, Payload: rawpeer.ClosePayload(1001, "")}.Bytes(),
		send: func(messages ...string) error {
			var b strings.Builder
			for _, m := range messages {
				b.WriteString(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: m}.Bytes())
			}
			return p.TryWrite(b.String())
		},
	}
}

func openPolling(t testing.TB, addr string) *client {
	t.Helper()
	e := rawpeer.NewEngine(t, addr)
	p := e.Poll()
	rawpeer.Enter(t, p, "/", "")
	post := rawpeer.Dial(t, addr)
	return &client{Peer: post, wire: p, poller: p, send: func(messages ...string) error {
		return post.TryWrite(rawpeer.Post(e.Query("polling", p.SID), strings.Join(messages, "\x1e")))
	}}
}

// each runs a test for each kind, in parallel.
func each(t *testing.T, test func(t *testing.T, k kind)) {
	t.Helper()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) { t.Parallel(); test(t, k) })
	}
}

// some runs a test for one kind of each platform and transport, and for each with AUDIT_LONG.
func some(t *testing.T, test func(t *testing.T, k kind)) {
	t.Helper()
	for _, k := range kinds() {
		if long || !k.tls && !strings.HasSuffix(k.name, "stream") && !strings.HasSuffix(k.name, "upgraded") {
			t.Run(k.name, func(t *testing.T) { t.Parallel(); test(t, k) })
		}
	}
}

func (k kind) stage(t *testing.T, opts ...stage.Option) *stage.Stage {
	t.Helper()
	if k.tls {
		opts = append(opts, stage.TLS())
	}
	return stage.New(t, k.adapter(), opts...)
}

func repeat(message string, n int) []string { return slices.Repeat([]string{message}, n) }

// waiting has "wait", which waits for the end of its client.
func waiting() stage.Option {
	return stage.Handle(websockets.Listen("wait", func(ctx context.Context, _ websockets.Payload) error {
		<-ctx.Done()
		return ctx.Err()
	}))
}

// heap returns the live heap after several collections, because pools survive one.
func heap() int {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// settled returns the live heap when the server is idle.
func settled() int {
	for last := heap(); ; {
		wait(200 * time.Millisecond)
		now := heap()
		if d := now - last; -16<<10 < d && d < 16<<10 {
			return now
		}
		last = now
	}
}

// wait waits for a fixed time, where no condition can be observed.
func wait(d time.Duration) { <-time.After(d) }

// compressed returns a text message in permessage-deflate encoding, without context.
func compressed(m string) string {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = z.Write([]byte(m))
	_ = z.Flush()
	p := bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff}) // RFC 7692 §7.2.1
	return rawpeer.Frame{First: rawpeer.Fin | rawpeer.RSV1 | rawpeer.OpText, Payload: string(p)}.Bytes()
}

// push writes until the server stops reading, and returns how much it accepted.
func push(p *rawpeer.Peer, parts ...string) (sent int) {
	for _, part := range parts {
		for part != "" {
			_ = p.Conn.SetWriteDeadline(time.Now().Add(400 * time.Millisecond))
			n, err := p.Conn.Write([]byte(part))
			sent += n
			if err != nil {
				return sent
			}
			part = part[n:]
		}
	}
	return sent
}

// noticed is how long the server may take to notice on a busy machine that a client has left: less than a heartbeat
// takes by default.
const noticed = 15 * time.Second

// beating has heartbeats with which clients enter in time on a busy machine too.
var beating = websockets.Limits{PingInterval: 400 * time.Millisecond, PingTimeout: 3 * time.Second, CloseTimeout: time.Second}

// patient has a CloseTimeout in which a busy machine handles all messages of a client that has left.
var patient = stage.Limits(websockets.Limits{CloseTimeout: 2 * testkit.Patience})

// gone waits until n clients have disconnected and none is connected, and checks how long that took.
func gone(t *testing.T, s *stage.Stage, n int, within time.Duration) {
	t.Helper()
	started := time.Now()
	s.WantGone(n)
	if took := time.Since(started); took > within {
		t.Errorf("%d clients had left after %v, want within %v", n, took.Round(time.Millisecond), within)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
