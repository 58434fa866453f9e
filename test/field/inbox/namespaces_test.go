package inbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X02_ManyNamespaces: A connection in 100 namespaces, whose handlers are all busy, holds no more messages
// than four of the largest size, in all of them together, waiting or being handled.
func TestField_X02_ManyNamespaces(t *testing.T) {
	const connection = 4 * bound
	release := make(chan struct{})
	s := stage.New(t, socketio.New(socketio.Options{Compression: socketio.CompressionEach}),
		stage.App(app.Logger(slog.New(slog.DiscardHandler))), stage.Gateway(websockets.Namespace("/{name}")),
		stage.Handle(websockets.Listen("wait", func(context.Context, websockets.Payload) error {
			<-release
			return nil
		})))
	ws := rawpeer.NewEngine(t, s.Addr).WebSocket(rawpeer.WithLines(
		"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"))
	var messages []string
	text := strings.Repeat("x", 300_000)
	for n := range 100 {
		name := fmt.Sprintf("/n%d", n)
		rawpeer.Enter(t, ws, name, "")
		messages = append(messages, repeat(`42`+name+`,["wait","`+text+`"]`, 3)...)
	}
	w := &wire{Peer: ws.Peer, compressed: true, leave: ws.Abort}
	s.Wait("the client is in all", func() bool { return s.Connects() == 100 })
	before := heap()
	sent := w.send(messages)
	h := settled() - before
	runtime.KeepAlive(messages)
	t.Logf("sent %d KiB, held %d KiB", sent>>10, h>>10)
	if h > 2*connection+fixed {
		t.Errorf("%d KiB are held, the limit is %d", h>>10, connection>>10)
	}
	close(release)
	w.leave()
	s.WantGone(100)
}
