package socketio_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type echoes struct{}

func (e *echoes) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", e.Echo)}
}

func (*echoes) Echo(_ context.Context, s string) (string, error) { return s, nil }

// masked makes a text frame of a client.
func masked(text string) []byte {
	b := []byte{0x81, 0x80 | byte(len(text))}
	if len(text) > 125 {
		b = binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text)))
	}
	return append(append(b, 0, 0, 0, 0), text...)
}

// BenchmarkEchoThroughHub asks a gateway and waits for the ack, over loopback.
func BenchmarkEchoThroughHub(b *testing.B) {
	for name, size := range map[string]int{"64B": 64, "4KiB": 4096} {
		b.Run(name, func(b *testing.B) {
			root := module.New("root", module.Providers(websockets.Gateway(func() *echoes { return &echoes{} })))
			a := apptest.New(b, root, apptest.With(app.WebSockets(socketio.New())))
			nc, err := net.Dial("tcp", strings.TrimPrefix(a.URL(), "http://"))
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			_, _ = io.WriteString(nc, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n"+
				"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			br := bufio.NewReader(nc)
			if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
				b.Fatal(err)
			}
			data := strings.Repeat("x", size-2)
			buf := make([]byte, 2*size+200)
			read := func() string { // a frame
				if _, err := io.ReadFull(br, buf[:2]); err != nil {
					b.Fatal(err)
				}
				n := int(buf[1])
				if n == 126 {
					if _, err := io.ReadFull(br, buf[:2]); err != nil {
						b.Fatal(err)
					}
					n = int(binary.BigEndian.Uint16(buf))
				}
				if _, err := io.ReadFull(br, buf[:n]); err != nil {
					b.Fatal(err)
				}
				return string(buf[:min(n, 1)])
			}
			read()
			_, _ = nc.Write(masked("40"))
			read()
			question := masked(`421["echo","` + data + `"]`)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := nc.Write(question); err != nil {
					b.Fatal(err)
				}
				read()
			}
			if !strings.Contains(string(buf), data+`"]`) {
				b.Fatalf("got %.100q", buf)
			}
		})
	}
}
