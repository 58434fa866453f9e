package gateway

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// inFlight is how many requests the benchmark writes together: system calls are shared by so many that what is
// measured is the work for a message.
const inFlight = 64

// BenchmarkEcho is the whole way of an echo in a server: from the bytes of a connection through the gateway and back.
func BenchmarkEcho(b *testing.B) {
	for _, p := range []struct {
		name     string
		platform adapter.Adapter
		protocol wire.Protocol
		greeting string
	}{
		{"ws", ws.New(), wire.Plain, ""},
		{"socketio", socketio.New(), wire.SocketIO, "40"},
	} {
		for _, size := range []struct {
			name  string
			bytes int
		}{{"64B", 64}, {"4KiB", 4096}} {
			b.Run(p.name+"/"+size.name, func(b *testing.B) {
				payload, err := wire.Payload(size.bytes)
				if err != nil {
					b.Fatal(err)
				}
				request, reply := p.protocol.Echo(payload)
				echo(b, start(b, p.platform), p.protocol, p.greeting, request, reply)
			})
		}
	}
}

// BenchmarkEchoOfMany is that of several connections at the same time. With -cpu 1,2,8 and -mutexprofile it shows which locks they
// share.
func BenchmarkEchoOfMany(b *testing.B) {
	for _, p := range []struct {
		name     string
		platform adapter.Adapter
		protocol wire.Protocol
		greeting string
	}{
		{"ws", ws.New(), wire.Plain, ""},
		{"socketio", socketio.New(), wire.SocketIO, "40"},
	} {
		b.Run(p.name, func(b *testing.B) {
			payload, err := wire.Payload(64)
			if err != nil {
				b.Fatal(err)
			}
			addr := start(b, p.platform)
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				request, reply := p.protocol.Echo(payload)
				c := connect(b, addr, p.protocol, p.greeting, request, reply)
				defer c.close()
				for n := 0; pb.Next(); n++ {
					if n%inFlight == 0 {
						c.exchange(b)
					}
				}
			})
		})
	}
}

func start(b *testing.B, platform adapter.Adapter) (addr string) {
	b.Helper()
	a, err := app.New(module.New("bench", module.Providers(websockets.Gateway(newGateway))),
		app.HTTP("127.0.0.1:0"), app.WebSockets(platform), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	if err := a.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Stop(context.Background()) })
	return a.Addr().String()
}

// echo writes the requests and reads the replies, without allocations.
func echo(b *testing.B, addr string, protocol wire.Protocol, greeting string, request, reply *wire.Template) {
	b.Helper()
	c := connect(b, addr, protocol, greeting, request, reply)
	defer c.close()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%inFlight == 0 {
			c.exchange(b)
		}
	}
}

// echoing is a connection, and what goes over it at a time.
type echoing struct {
	nc       net.Conn
	r        *bufio.Reader
	requests []byte
	replies  []byte
}

func (c *echoing) close() { _ = c.nc.Close() }

// exchange writes the requests and reads the replies.
func (c *echoing) exchange(b *testing.B) {
	if _, err := c.nc.Write(c.requests); err != nil {
		b.Error(err)
	}
	if _, err := io.ReadFull(c.r, c.replies); err != nil {
		b.Error(err)
	}
}

// connect opens a connection and compares its first replies.
func connect(b *testing.B, addr string, protocol wire.Protocol, greeting string, request, reply *wire.Template) *echoing {
	b.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := nc.Write(wire.Upgrade(addr, protocol.Target())); err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(nc)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		b.Fatal(res, err)
	}
	if greeting != "" {
		if _, err := nc.Write(wire.AppendFrame(nil, wire.Text, []byte(greeting))); err != nil {
			b.Fatal(err)
		}
		for range 2 { // the packets "open" and "connect"
			next(b, r)
		}
	}
	var requests []byte
	for i := range inFlight {
		requests = request.Append(requests, wire.Number{Seq: i})
	}
	if _, err := nc.Write(requests); err != nil {
		b.Fatal(err)
	}
	size := 0
	for i := range inFlight {
		msg := next(b, r)
		if !reply.Matches(msg, wire.Number{Seq: i}) {
			b.Fatalf("reply %d is %q", i, msg)
		}
		size += len(msg) + 2
		if len(msg) > 125 {
			size += 2
		}
	}
	return &echoing{nc, r, requests, make([]byte, size)}
}

// next reads one frame of the server and returns its payload.
func next(b *testing.B, r *bufio.Reader) []byte {
	b.Helper()
	head, err := r.Peek(2)
	if err != nil {
		b.Fatal(err)
	}
	n, skip := int(head[1]), 2
	if n == 126 {
		if head, err = r.Peek(4); err != nil {
			b.Fatal(err)
		}
		n, skip = int(head[2])<<8|int(head[3]), 4
	}
	msg := make([]byte, skip+n)
	if _, err := io.ReadFull(r, msg); err != nil {
		b.Fatal(err)
	}
	return bytes.Clone(msg[skip:])
}
