package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	fixed = 16 << 10 // cost of a connection besides its limits
	bound = 1 << 20  // of the inbox
)

var quiet = stage.App(app.Logger(slog.New(slog.DiscardHandler)))

// blocking has "wait", which waits until the channel is closed.
func blocking(release <-chan struct{}) stage.Option {
	return stage.Handle(websockets.Listen("wait", func(context.Context, websockets.Payload) error { <-release; return nil }))
}

// TestAudit_InboxHeldByZishang: On zishang a client whose handlers are busy holds at most four times the 1 MiB of its
// inbox and what the adapter reads ahead (twice MaxMessage, and one message in transit), with blanks, long names and
// tiny messages, and nothing after it has disconnected.
func TestAudit_InboxHeldByZishang(t *testing.T) {
	for name, m := range map[string]string{
		"blanks":     `42["wait",` + strings.Repeat(" ", 990_000) + `1]`,
		"event name": `42["` + strings.Repeat("x", 990_000) + `"]`,
		"payload":    `42["wait","` + strings.Repeat("x", 990_000) + `"]`,
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			s := stage.New(t, zishang.New(), quiet, blocking(release))
			k := kindOf("zishang")
			c := k.open(t, s.Addr)
			before := heap()
			sent := push(c.Peer, repeat(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: m}.Bytes(), 40)...)
			held := settled() - before
			t.Logf("sent %d KiB, held %d KiB", sent>>10, held>>10)
			if most := 4*bound + 2*1_000_000 + 1_000_000; held > most+fixed {
				t.Errorf("%d KiB are held, at most %d are allowed", held>>10, most>>10)
			}
			c.Abort()
			close(release)
			s.WantGone(1)
			nothingLeft(t, before)
		})
	}
}

// TestAudit_InboxesOfManyNamespaces: A connection with full inboxes in 100 namespaces, compressed, holds at most
// twice the limit of one connection, and nothing after it has disconnected.
func TestAudit_InboxesOfManyNamespaces(t *testing.T) {
	release := make(chan struct{})
	s := stage.New(t, socketio.New(socketio.Options{Compression: socketio.CompressionEach}), quiet, blocking(release),
		stage.Gateway(websockets.Namespace("/n/{id}")))
	w := rawpeer.NewEngine(t, s.Addr).WebSocket(rawpeer.WithLines(deflate))
	for i := range 100 {
		rawpeer.Enter(t, w, fmt.Sprintf("/n/%d", i), "")
	}
	before := heap()
	blanks := strings.Repeat(" ", 490_000)
	sent := 0
	for i := range 100 {
		m := compressed(fmt.Sprintf(`42/n/%d,["wait",%s1]`, i, blanks))
		sent += push(w.Peer, m, m)
	}
	held := settled() - before
	t.Logf("sent %d KiB, held %d KiB", sent>>10, held>>10)
	if held > 8*bound+fixed {
		t.Errorf("%d KiB are held for %d KiB that were sent, at most %d are allowed", held>>10, sent>>10, 8*bound>>10)
	}
	w.Abort()
	close(release)
	s.WantGone(100)
	nothingLeft(t, before)
}

// TestAudit_InboxesOfReentries: A client that fills its inbox, leaves the namespace and enters it again, 100 times,
// holds no more than twice the limit of a connection, while handlers of the former clients still run.
func TestAudit_InboxesOfReentries(t *testing.T) {
	release := make(chan struct{})
	s := stage.New(t, socketio.New(socketio.Options{Compression: socketio.CompressionEach}), quiet, blocking(release))
	w := rawpeer.NewEngine(t, s.Addr).WebSocket(rawpeer.WithLines(deflate))
	rawpeer.Enter(t, w, "/", "")
	before := heap()
	m := compressed(`42["wait",` + strings.Repeat(" ", 490_000) + `1]`)
	sent := 0
	for range 100 {
		sent += push(w.Peer, m, m)
		if err := w.TrySend("41"); err != nil {
			break
		}
		if err := w.TrySend("40"); err != nil {
			break
		}
		_ = w.Conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := w.R.Peek(1); err != nil {
			break // the server has stopped reading
		}
		if got, err := w.TryText(); err != nil || !strings.HasPrefix(got, "40") {
			t.Logf("entering was answered %.100q, %v", got, err)
			break
		}
	}
	held := settled() - before
	t.Logf("sent %d KiB, held %d KiB; %d clients", sent>>10, held>>10, s.Connects())
	if held > 8*bound+fixed {
		t.Errorf("%d KiB are held for %d KiB that were sent, at most %d are allowed", held>>10, sent>>10, 8*bound>>10)
	}
	w.Abort()
	close(release)
	s.WantGone(1)
	nothingLeft(t, before)
}

// nothingLeft waits until the heap is as large as before.
func nothingLeft(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; wait(50 * time.Millisecond) {
		left := heap() - before
		if left < 128<<10 {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%d KiB are held after the client has disconnected", left>>10)
			return
		}
	}
}
