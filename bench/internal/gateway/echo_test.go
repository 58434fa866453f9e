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
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
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
	replies := make([]byte, size)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%inFlight != 0 {
			continue
		}
		if _, err := nc.Write(requests); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(r, replies); err != nil {
			b.Fatal(err)
		}
	}
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
