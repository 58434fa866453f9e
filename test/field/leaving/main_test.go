// Package leaving_test has clients that disconnect while their inbox is full, in every possible way.
//
// FIELD_LONG=1 uses 1,000 clients of each kind instead of 100.
package leaving_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func clients() int {
	if os.Getenv("FIELD_LONG") != "" {
		return 1000
	}
	return 100
}

// kind is a platform over a transport.
type kind struct {
	name    string
	adapter func() adapter.Adapter
	tls     bool
	open    func(t testing.TB, addr string) *client
	text    func(event, data string) string // one message in the client's encoding
}

// client is a connection that sends without reading.
type client struct {
	*rawpeer.Peer
	send  func(messages ...string) error
	close func(t testing.TB) // leaves cleanly
}

var insecure = rawpeer.WithTLS(&tls.Config{InsecureSkipVerify: true})

func kinds() []kind {
	wsText := func(event, data string) string { return `{"event":"` + event + `","data":` + data + `}` }
	ioText := func(event, data string) string { return `42["` + event + `",` + data + `]` }
	return []kind{
		{"ws", func() adapter.Adapter { return ws.New() }, false, openWS(), wsText},
		{"wss", func() adapter.Adapter { return ws.New() }, true, openWS(insecure), wsText},
		{
			"ws compressed", func() adapter.Adapter { return ws.New(ws.Options{Compression: ws.CompressionEach}) }, false,
			openWS(rawpeer.WithLines("Sec-WebSocket-Extensions: permessage-deflate")), wsText,
		},
		{"socketio", func() adapter.Adapter { return socketio.New() }, false, openSocketIO(), ioText},
		{"socketio by TLS", func() adapter.Adapter { return socketio.New() }, true, openSocketIO(insecure), ioText},
		{"polling", func() adapter.Adapter { return socketio.New() }, false, openPolling, ioText},
	}
}

func openWS(opts ...rawpeer.DialOption) func(testing.TB, string) *client {
	return func(t testing.TB, addr string) *client {
		p := rawpeer.Open(t, addr, "/", opts...)
		return &client{p, framed(p), closeFrame(p)}
	}
}

func openSocketIO(opts ...rawpeer.DialOption) func(testing.TB, string) *client {
	return func(t testing.TB, addr string) *client {
		s := rawpeer.NewEngine(t, addr).WebSocket(opts...)
		rawpeer.Enter(t, s, "/", "")
		return &client{s.Peer, framed(s.Peer), closeFrame(s.Peer)}
	}
}

func framed(p *rawpeer.Peer) func(...string) error {
	return func(messages ...string) error {
		var b strings.Builder
		for _, m := range messages {
			b.WriteString(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: m}.Bytes())
		}
		return p.TryWrite(b.String()) // fails when the server has closed the connection
	}
}

func closeFrame(p *rawpeer.Peer) func(testing.TB) {
	return func(testing.TB) {
		p.Frame(rawpeer.Fin|rawpeer.OpClose, rawpeer.ClosePayload(1001, ""))
		p.Close()
	}
}

func openPolling(t testing.TB, addr string) *client {
	e := rawpeer.NewEngine(t, addr)
	p := e.Poll()
	rawpeer.Enter(t, p, "/", "")
	post := rawpeer.Dial(t, addr)
	send := func(messages ...string) error {
		return post.TryWrite(rawpeer.Post(e.Query("polling", p.SID), strings.Join(messages, "\x1e")))
	}
	return &client{post, send, func(testing.TB) { _ = send("1") }}
}

func onEach(t *testing.T, test func(t *testing.T, k kind)) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) { test(t, k) })
	}
}

func (k kind) stage(t *testing.T, opts ...stage.Option) *stage.Stage {
	t.Helper()
	if k.tls {
		opts = append(opts, stage.TLS())
	}
	return stage.New(t, k.adapter(), opts...)
}

func repeat(message string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = message
	}
	return all
}

// waiting is a handler that waits for the end of its client, as correct code does.
func waiting() stage.Option {
	return stage.Handle(websockets.Listen("wait", func(ctx context.Context, _ int) error {
		<-ctx.Done()
		return ctx.Err()
	}))
}

// usage is a process's resource usage.
type usage struct{ goroutines, files int }

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors", u.goroutines, u.files)
}

func used() usage { return usage{runtime.NumGoroutine(), files()} }

// files returns the number of descriptors where the system lists them, and 0 elsewhere.
func files() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// wantBack waits until the usage is no higher than before, with a tolerance, and returns how long that took.
func wantBack(t *testing.T, s *stage.Stage, before usage, within time.Duration) time.Duration {
	t.Helper()
	const slack = 8
	started := time.Now()
	for {
		now := used()
		if n := s.Server.Local().Len(); n == 0 && now.goroutines <= before.goroutines+slack && now.files <= before.files+slack {
			return time.Since(started)
		} else if time.Since(started) > within {
			t.Fatalf("after %v: %d clients, %v; before: %v", within, n, now, before)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		wait(20 * time.Millisecond)
	}
}

// wait waits for a fixed time, where no condition can be observed.
func wait(d time.Duration) { <-time.After(d) }
