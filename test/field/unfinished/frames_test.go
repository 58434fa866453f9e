package unfinished_test

import (
	"bytes"
	"compress/flate"
	"crypto/tls"
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

// way is a platform over WebSocket.
type way struct {
	name       string
	adapter    func() adapter.Adapter
	compressed bool
	tls        bool
}

func ways() []way {
	return []way{
		{name: "ws", adapter: func() adapter.Adapter { return ws.New() }},
		{name: "wss", adapter: func() adapter.Adapter { return ws.New() }, tls: true},
		{name: "ws compressed each", adapter: func() adapter.Adapter { return ws.New(ws.Options{Compression: ws.CompressionEach}) }, compressed: true},
		{name: "ws compressed stream", adapter: func() adapter.Adapter { return ws.New(ws.Options{Compression: ws.CompressionStream}) }, compressed: true},
		{name: "socketio", adapter: func() adapter.Adapter { return socketio.New() }},
		{name: "socketio compressed", adapter: func() adapter.Adapter {
			return socketio.New(socketio.Options{Compression: socketio.CompressionEach})
		}, compressed: true},
		{name: "zishang", adapter: func() adapter.Adapter { return zishang.New() }},
	}
}

func (w way) socketIO() bool { return !strings.HasPrefix(w.name, "ws") }

func (w way) stage(t *testing.T) *stage.Stage {
	t.Helper()
	var opts []stage.Option
	if w.tls {
		opts = append(opts, stage.TLS())
	}
	if w.name != "zishang" { // whose timers would outlive the test
		opts = append(opts, stage.Limits(websockets.Limits{
			PingInterval: time.Hour, // a ping would come before the pong
			IdleAfter:    -1,        // or what a reader holds would count too
		}))
	}
	return stage.New(t, w.adapter(), opts...)
}

// open returns a connected client.
func (w way) open(t *testing.T, addr string) *rawpeer.Peer {
	t.Helper()
	var opts []rawpeer.DialOption
	if w.tls {
		opts = append(opts, rawpeer.WithTLS(&tls.Config{InsecureSkipVerify: true}))
	}
	if w.compressed {
		opts = append(opts, rawpeer.WithLines("Sec-WebSocket-Extensions: permessage-deflate"))
	}
	if !w.socketIO() {
		return rawpeer.Open(t, addr, "/", opts...)
	}
	// The answers are not read as text: they may be compressed.
	p := rawpeer.Open(t, addr, rawpeer.NewEngine(t, addr).Query("websocket", ""), opts...)
	w.answer(t, p)
	p.Send("40")
	w.answer(t, p)
	return p
}

// answer reads a text message.
func (w way) answer(t *testing.T, p *rawpeer.Peer) {
	t.Helper()
	got, err := p.Next()
	if err != nil || got.First&0x8f != rawpeer.Fin|rawpeer.OpText {
		t.Fatalf("got %s, %v, want a text message", got, err)
	}
}

// echo returns a message of n bytes, compressed or not, that the server answers, and the first byte of its frame.
func (w way) echo(n int) (first byte, payload string) {
	payload = `{"event":"echo","data":"` + strings.Repeat("x", n) + `","id":1}`
	if w.socketIO() {
		payload = `421["echo","` + strings.Repeat("x", n) + `"]`
	}
	if !w.compressed {
		return rawpeer.Fin | rawpeer.OpText, payload
	}
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.NoCompression)
	_, _ = z.Write([]byte(payload))
	_ = z.Flush()
	return rawpeer.Fin | rawpeer.RSV1 | rawpeer.OpText, strings.TrimSuffix(b.String(), "\x00\x00\xff\xff") // RFC 7692 §7.2.1
}

// start sends a few bytes after a ping, and waits for the pong: then the server has read both.
func start(t *testing.T, p *rawpeer.Peer, raw string) {
	t.Helper()
	p.Write(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpPing, Payload: "?"}.Bytes() + raw)
	p.Exact(rawpeer.Fin | rawpeer.OpPong)
}

// TestField_X10_UnfinishedMessage: A client that sends the start of a frame or of a message, compressed or not, and no
// more holds memory in proportion to the payload that it has sent, 256 bytes for a few, in few fragments or in many,
// whatever length it has announced; the message is handled when the rest comes.
func TestField_X10_UnfinishedMessage(t *testing.T) {
	masked := func(first byte, claim uint64, payload string) string {
		return rawpeer.Frame{First: first, Payload: payload, Claim: claim}.Bytes()
	}
	for _, tt := range []struct {
		name string
		// sent returns what the client sends of a message, and what it sends later.
		sent func(first byte, payload string) (now, later string)
		size int
		most int64
	}{
		{"15 bytes", func(first byte, payload string) (string, string) {
			all := masked(first, 0, payload)
			return all[:15], all[15:]
		}, 1000, small},
		{"a header that announces 900 KB", func(first byte, payload string) (string, string) {
			all := masked(first, 0, payload)
			return all[:20], all[20:]
		}, 900_000, small},
		{"half a length", func(first byte, payload string) (string, string) {
			all := masked(first, 0, payload)
			return all[:5], all[5:]
		}, 900_000, small},
		{"a fragment", func(first byte, payload string) (string, string) {
			return masked(first&^rawpeer.Fin, 0, payload[:10]), masked(rawpeer.Fin|rawpeer.OpContinuation, 0, payload[10:])
		}, 1000, small},
		{"the header of the second fragment", func(first byte, payload string) (string, string) {
			next := masked(rawpeer.Fin|rawpeer.OpContinuation, 0, payload[10:])
			return masked(first&^rawpeer.Fin, 0, payload[:10]) + next[:6], next[6:]
		}, 1000, small},
		{"a ping within a fragmented message", func(first byte, payload string) (string, string) {
			next := masked(rawpeer.Fin|rawpeer.OpContinuation, 0, payload[10:])
			pong := masked(rawpeer.Fin|rawpeer.OpPong, 0, strings.Repeat("p", 125))
			return masked(first&^rawpeer.Fin, 0, payload[:10]) + pong[:20], pong[20:] + next
		}, 1000, small},
		{"a control frame", func(first byte, payload string) (string, string) {
			pong := masked(rawpeer.Fin|rawpeer.OpPong, 0, strings.Repeat("p", 125))
			return pong[:20], pong[20:] + masked(first, 0, payload)
		}, 1000, small},
		{"two thousand fragments", func(first byte, payload string) (string, string) {
			now := masked(first&^rawpeer.Fin, 0, payload[:1])
			for i := 1; i < 2000; i++ {
				now += masked(rawpeer.OpContinuation, 0, "") + masked(rawpeer.OpContinuation, 0, payload[i:i+1])
			}
			return now, masked(rawpeer.Fin|rawpeer.OpContinuation, 0, payload[2000:])
		}, 4000, 4<<10 + small},
		{"a tenth of a message", func(first byte, payload string) (string, string) {
			all := masked(first, 0, payload)
			return all[:30_000], all[30_000:]
		}, 300_000, 32<<10 + small},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, w := range ways() {
				t.Run(w.name, func(t *testing.T) {
					s := w.stage(t)
					now, later := tt.sent(w.echo(tt.size))
					var last *rawpeer.Peer
					most := tt.most
					if w.name == "zishang" {
						most += small / 2 // of the library
					}
					if w.tls && most > small {
						most += 16 << 10 // a record of TLS, which crypto/tls holds
					}
					wantHeld(t, most, func() func() {
						p := w.open(t, s.Addr)
						last = p
						return func() { start(t, p, now) }
					}, nil)
					last.Write(later)
					w.answer(t, last)
				})
			}
		})
	}
}
