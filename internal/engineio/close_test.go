package engineio

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var (
	ended = websockets.Reason{Cause: websockets.CauseServerDisconnect}
	full  = websockets.Reason{Cause: websockets.CauseQueueOverflow}
)

// What is queued before Close arrives, also with a later poll.
func TestDrainByPolling(t *testing.T) {
	for _, pending := range []bool{true, false} {
		r := newTestServer(t, nil, nil)
		p, h := r.poller()
		if pending {
			got := p.polling()
			h.session.Close(ended, wsconn.CloseGraceful)
			if a := testkit.Receive(t, "the poll", got); a.body != "1" {
				t.Errorf("the pending poll got %q", a.body)
			}
		} else {
			h.say(t, "last")
			h.session.Close(ended, wsconn.CloseGraceful)
			p.want("4last\x1e1")
		}
		h.wantCause(t, ended.Cause)
		if err := h.send("x", outbox.Refuse); !errors.Is(err, outbox.ErrClosed) {
			t.Errorf("Send after the end: %v", err)
		}
		if a := p.poll(); a.status != 400 {
			t.Errorf("the session still answers: %d", a.status)
		}
	}
}

// Close waits for a poll no longer than CloseTimeout, and the heartbeat does not interfere.
func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, func(c *Config) {
			c.Limits.CloseTimeout, c.Limits.PingInterval, c.Limits.PingTimeout = 9*time.Second, time.Second, time.Second
		}, nil)
		_, h := r.poller()
		start := time.Now()
		h.session.Close(ended, wsconn.CloseGraceful)
		h.session.Close(full, wsconn.CloseAbort) // too late to count
		select {
		case <-h.closed:
			t.Fatal("closed at once")
		default:
		}
		h.wantCause(t, ended.Cause)
		if took := time.Since(start); took != 9*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// A client that sends during Close does not prolong it, and its messages are handled.
func TestPostWhileDraining(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	h.session.Close(ended, wsconn.CloseGraceful)
	p.send("4late")
	h.wantMessage(t, "late")
	p.want("1")
	h.wantCause(t, ended.Cause)
}

func TestHandshakeAndAbortByPollingEndAtOnce(t *testing.T) {
	for _, mode := range []wsconn.CloseMode{wsconn.CloseHandshake, wsconn.CloseAbort} {
		r := newTestServer(t, func(c *Config) { c.Limits.CloseTimeout = time.Hour }, nil)
		p, h := r.poller()
		h.say(t, "lost")
		h.session.Close(full, mode)
		h.wantCause(t, full.Cause)
		p.want("1")
		if a := p.poll(); a.status != 400 {
			t.Errorf("mode %d: %d %q", mode, a.status, a.body)
		}

		p, h = r.poller()
		got := p.polling()
		h.session.Close(full, mode)
		h.wantCause(t, full.Cause)
		if a := testkit.Receive(t, "the poll", got); a.body != "1" {
			t.Errorf("mode %d: the pending poll is answered %d %q", mode, a.status, a.body)
		}
	}
}

func TestDrainByWebSocket(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.peer()
	h.say(t, "1")
	h.say(t, strings.Repeat("2", 200_000))
	h.session.Close(ended, wsconn.CloseGraceful)
	p.want("41")
	p.want("4" + strings.Repeat("2", 200_000))
	p.ExactClose(1000)
	h.wantCause(t, ended.Cause)
}

// Close may happen during an upgrade: the close arrives, with what was queued, over the
// transport that the session has then.
func TestCloseDuringUpgrade(t *testing.T) {
	t.Run("completed", func(t *testing.T) {
		r := newTestServer(t, nil, nil)
		p, h := r.poller()
		w := p.probe()
		h.say(t, "queued")
		h.session.Close(ended, wsconn.CloseGraceful)
		w.send("5")
		w.want("4queued")
		w.ExactClose(1000)
		h.wantCause(t, ended.Cause)
	})
	t.Run("the poll is faster", func(t *testing.T) {
		r := newTestServer(t, nil, nil)
		p, h := r.poller()
		w := p.probe()
		h.say(t, "queued")
		h.session.Close(ended, wsconn.CloseGraceful)
		p.want("4queued\x1e1")
		h.wantCause(t, ended.Cause)
		w.ExactClose(1001)
	})
	t.Run("abort", func(t *testing.T) {
		r := newTestServer(t, nil, nil)
		p, h := r.poller()
		w := p.probe()
		h.session.Close(full, wsconn.CloseAbort)
		h.wantCause(t, full.Cause)
		w.ExactClose(1001)
	})
	t.Run("a closing session cannot start one", func(t *testing.T) {
		r := newTestServer(t, nil, nil)
		p, h := r.poller()
		h.session.Close(ended, wsconn.CloseGraceful)
		w, resp := r.handshake(overWebSocket + "&sid=" + p.sid)
		if resp.Status == 101 {
			if got, err := w.Next(); err == nil && got.First != opClose {
				t.Errorf("frame %x", got.First)
			}
		}
		p.want("1")
		h.wantCause(t, ended.Cause)
	})
}

// A session is in one of these states when the server closes.
var states = []struct {
	name  string
	start func(r *testServer) (*recorder, func())
}{
	{"a poll is pending", func(r *testServer) (*recorder, func()) {
		p, h := r.poller()
		done := p.polling()
		return h, func() {
			if a := testkit.Receive(r.t, "the poll", done); a.body != "1" {
				r.t.Errorf("the pending poll is answered %d %q, %v", a.status, a.body, a.err)
			}
		}
	}},
	{"between two polls", func(r *testServer) (*recorder, func()) {
		p, h := r.poller()
		h.say(r.t, "last words")
		return h, func() { p.want("4last words\x1e1") }
	}},
	{"half a POST", func(r *testServer) (*recorder, func()) {
		p, h := r.poller()
		nc := p.halfPost()
		return h, func() {
			p.want("1")
			_ = nc.Close()
		}
	}},
	{"in the upgrade", func(r *testServer) (*recorder, func()) {
		p, h := r.poller()
		w := p.probe()
		return h, func() {
			w.send("5")
			w.ExactClose(1001)
		}
	}},
	{"over WebSocket", func(r *testServer) (*recorder, func()) {
		p, h := r.peer()
		h.say(r.t, "last words")
		p.want("4last words")
		return h, func() { p.ExactClose(1001) }
	}},
	{"half a message over WebSocket", func(r *testServer) (*recorder, func()) {
		p, h := r.peer()
		whole := frame(opText, "4"+strings.Repeat("x", 90_000))
		p.Write(whole[:100])
		testkit.Eventually(r.t, "half a message", func() bool { return h.session.conn.Receiving() })
		return h, func() { p.ExactClose(1001) }
	}},
}

func TestServerClose(t *testing.T) {
	r := newTestServer(t, func(c *Config) { c.Limits.CloseTimeout = time.Hour }, nil)
	handlers := make([]*recorder, len(states))
	finish := make([]func(), len(states))
	for i, s := range states {
		handlers[i], finish[i] = s.start(r)
	}
	closed := make(chan error, 1)
	go func() { closed <- r.srv.Close(context.Background()) }()
	testkit.Receive(t, "the closing", r.srv.group.Closing().Done())
	if a := r.get(polling); a.status != 503 {
		t.Errorf("a new client gets %d", a.status)
	}
	if _, resp := r.handshake(overWebSocket); resp.Status != 503 {
		t.Errorf("a new client over WebSocket gets %d", resp.Status)
	}
	if a := r.get(polling + "&sid=unknown"); a.status != 503 {
		t.Errorf("an unknown session gets %d", a.status)
	}
	for i := range states {
		finish[i]()
		handlers[i].wantCause(t, websockets.CauseShutdown)
	}
	if err := testkit.Receive(t, "Close", closed); err != nil {
		t.Error(err)
	}
	if n := r.srv.group.Live(); n != 0 {
		t.Errorf("%d are left", n)
	}
	if err := r.srv.Close(context.Background()); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}

// Clients that do nothing more end with CloseTimeout.
func TestServerCloseIsBounded(t *testing.T) {
	for _, s := range states {
		t.Run(s.name, func(t *testing.T) {
			r := newTestServer(t, func(c *Config) { c.Limits.CloseTimeout = 200 * time.Millisecond }, nil)
			h, _ := s.start(r)
			start := time.Now()
			if err := r.srv.Close(context.Background()); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			h.wantCause(t, websockets.CauseShutdown)
		})
	}
}

// When the context ends, the rest is aborted and counted.
func TestServerCloseIsCut(t *testing.T) {
	r := newTestServer(t, func(c *Config) { c.Limits.CloseTimeout = time.Hour }, nil)
	p, h := r.poller()
	h.say(t, "x")
	w, h2 := r.peer()
	w.Write(frame(opText, "4x")[:3])
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errNo)
	err := r.srv.Close(ctx)
	if err == nil || err.Error() != "engine.io: closing /: 2 connections were aborted: the database is down" || !errors.Is(err, errNo) {
		t.Error(err)
	}
	h.wantCause(t, websockets.CauseShutdown)
	h2.wantCause(t, websockets.CauseShutdown)
	p.want("1")
	if a := p.poll(); a.status != 503 {
		t.Errorf("status %d", a.status)
	}
}

// Opening, upgrading and sending while the server closes leaves nothing behind.
func TestServerCloseAgainstHandshakes(t *testing.T) {
	for range 5 {
		r := newTestServer(t, func(c *Config) { c.Limits.CloseTimeout = 50 * time.Millisecond }, nil)
		stop := make(chan struct{})
		done := make(chan struct{})
		for i := range 4 {
			go func() {
				defer func() { done <- struct{}{} }()
				for {
					select {
					case <-stop:
						return
					default:
					}
					if i%2 == 0 {
						a := r.request(context.Background(), "GET", polling, nil)
						if a.status != 200 {
							continue
						}
						if w, resp := r.handshake(overWebSocket + "&sid=" + sidOf(t, a.body)); resp.Status == 101 {
							_, _ = w.Conn.Write([]byte(frame(opText, "2probe") + frame(opText, "5")))
						}
					} else if w, resp := r.handshake(overWebSocket); resp.Status == 101 {
						_, _ = w.Conn.Write([]byte(frame(opText, "4x")))
						_ = w.Conn.Close()
					}
				}
			}()
		}
		for range 20 {
			r.opened()
		}
		if err := r.srv.Close(context.Background()); err != nil {
			t.Error(err)
		}
		close(stop)
		for range 4 {
			<-done
		}
		if live, n := r.srv.group.Live(), r.srv.Len(); live != 0 || n != 0 {
			t.Errorf("%d things, %d sessions are left", live, n)
		}
	}
}
