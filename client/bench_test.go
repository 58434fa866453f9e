package client_test

import (
	"context"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// A call with its answer, the server in the same process included.
func BenchmarkCall(b *testing.B) {
	_, url := started(b)
	c := dial(b, url, client.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Fail.Call(b.Context(), c, "x"); err != nil {
			b.Fatal(err)
		}
	}
}

// The same by the library alone.
func BenchmarkLibrary(b *testing.B) {
	_, url := started(b)
	ws := dialLibrary(b, url)
	b.ReportAllocs()
	for b.Loop() {
		roundTripOf(b, ws, `{"event":"fail","data":"x","id":1}`)
	}
}

func BenchmarkEmit(b *testing.B) {
	_, url := started(b)
	c := dial(b, url, client.Options{Limits: client.Limits{Queued: 100, QueuedBytes: 1 << 20}})
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Emit(b.Context(), "fail", "x", websockets.Uncompressed()); err != nil {
			b.Fatal(err)
		}
	}
}

func dialLibrary(b *testing.B, url string) *websocket.Conn {
	b.Helper()
	ws, _, err := websocket.Dial(b.Context(), url, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ws.CloseNow() })
	if _, _, err := ws.Read(b.Context()); err != nil { // the welcome
		b.Fatal(err)
	}
	return ws
}

func roundTripOf(b *testing.B, ws *websocket.Conn, text string) {
	b.Helper()
	if err := ws.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		b.Fatal(err)
	}
	if _, _, err := ws.Read(context.Background()); err != nil {
		b.Fatal(err)
	}
}
