package socketio_test

import (
	"context"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type echoes struct{}

func (e *echoes) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", e.Echo)}
}

func (*echoes) Echo(_ context.Context, s string) (string, error) { return s, nil }

// masked returns a text message of a client.
func masked(text string) []byte {
	return []byte(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: text}.Bytes())
}

// BenchmarkEchoThroughHub asks a gateway and waits for the ack, over loopback.
func BenchmarkEchoThroughHub(b *testing.B) {
	for name, size := range map[string]int{"64B": 64, "4KiB": 4096} {
		b.Run(name, func(b *testing.B) {
			root := module.New("root", module.Providers(websockets.Gateway(func() *echoes { return &echoes{} })))
			a := apptest.New(b, root, apptest.With(app.WebSockets(socketio.New())))
			p := rawpeer.Open(b, a.URL(), "/socket.io/?EIO=4&transport=websocket")
			defer p.Close()
			nc, br := p.Conn, p.R
			_ = nc.SetDeadline(time.Time{})
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
