package engineio

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestHandlerPanics(t *testing.T) {
	panicking := func(h *recorder) {
		h.onMessage = func(_ bool, msg []byte) error { panic("boom at " + string(msg)) }
	}
	r := newTestServer(t, nil, panicking)

	p, h := r.poller()
	if a := p.post("4x"); a.status != 400 {
		t.Errorf("the POST is answered %d %s", a.status, a.body)
	}
	if reason := testkit.Receive(t, "the end", h.closed); strings.Contains(reason.Text, "boom") {
		t.Errorf("the reason is %+v", reason)
	}

	w, h := r.peer()
	w.send("4y")
	w.ExactClose(1011)
	testkit.Receive(t, "the end", h.closed)

	p, h = r.poller()
	w = p.probe()
	w.send("5")
	w.Write(frame(opBinary, "z"))
	w.ExactClose(1011)
	testkit.Receive(t, "the end", h.closed)

	log := r.logs.String()
	for _, want := range []string{"boom at x", "boom at y", "boom at z"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log", want)
		}
	}
	if strings.Contains(log, "http: panic serving") {
		t.Error("a panic reached net/http")
	}
	if _, h := r.peer(); h == nil { // the server is still there
		t.Error("no client is served")
	}
}

// The id of a session is a secret: logs must not contain it.
func TestLogsDoNotContainSessionIDs(t *testing.T) {
	r := newTestServer(t, nil, func(h *recorder) {
		h.onMessage = func(bool, []byte) error { panic("boom") }
	})
	p, h := r.poller()
	p.post("4x")
	testkit.Receive(t, "the end", h.closed)

	q, h := r.poller()
	w := q.probe()
	w.send("5")
	w.send("4x")
	w.ExactClose(1011)
	testkit.Receive(t, "the end", h.closed)

	w, resp := r.handshake(overWebSocket)
	if resp.Status != 101 {
		t.Fatal(resp.Status)
	}
	h = r.opened()
	r.srv.mu.Lock()
	sids := []string{p.sid, q.sid, h.session.id}
	r.srv.mu.Unlock()
	sidOf(t, w.read()) // before Close, which does not wait for the open packet
	h.session.Close(full, 0)
	w.ExactClose(1008)
	testkit.Receive(t, "the end", h.closed)

	log := r.logs.String()
	for _, sid := range sids[:2] {
		if !strings.Contains(log, "client="+sid[:6]) {
			t.Errorf("the log does not name %s: %s", sid[:6], log)
		}
	}
	for _, sid := range sids {
		if strings.Contains(log, sid[:8]) {
			t.Errorf("the log has %s of %s", sid[:8], sid)
		}
	}
}

func TestHandlerError(t *testing.T) {
	r := newTestServer(t, nil, func(h *recorder) { h.onMessage = func(bool, []byte) error { return errNo } })
	p, h := r.poller()
	if a := p.post("4x\x1e4never"); a.status != 400 || !strings.Contains(a.body, errNo.Error()) {
		t.Errorf("%d %s", a.status, a.body)
	}
	h.wantCause(t, websockets.CauseParseError)
	w, h := r.peer()
	w.send("4x")
	w.ExactClose(1002)
	h.wantCause(t, websockets.CauseParseError)
}

// The request outlives the handshake.
func TestRequestIsKept(t *testing.T) {
	r := newTestServer(t, nil, nil)
	a := r.get(polling+"&token=1", "X-A", "b")
	sidOf(t, a.body)
	h := r.opened()
	if h.request.Context().Err() != nil || h.request.URL.Query().Get("token") != "1" || h.request.Header.Get("X-A") != "b" {
		t.Errorf("%v %s %v", h.request.Context().Err(), h.request.URL, h.request.Header)
	}
}

// A volatile message is for a poll that waits for it, and for a WebSocket that
// has nothing else to send.
func TestVolatile(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	if err := h.send("lost", outbox.Volatile); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("without a poll: %v", err)
	}
	got := p.polling()
	testkit.Eventually(t, "a waiting poll", func() bool { return h.send("now", outbox.Volatile) == nil })
	if err := h.send("lost", outbox.Volatile); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("behind another: %v", err)
	}
	if a := testkit.Receive(t, "the poll", got); a.body != "4now" {
		t.Errorf("got %q", a.body)
	}
	if err := h.send("lost", outbox.Volatile); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("after the poll: %v", err)
	}

	w, h := r.peer()
	testkit.Eventually(t, "an empty queue", func() bool { return h.session.out.Bytes() == 0 })
	release := h.session.conn.Hold()
	h.say(t, "first")
	if err := h.send("lost", outbox.Volatile); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("behind another: %v", err)
	}
	release()
	w.want("4first")
	testkit.Eventually(t, "an empty queue", func() bool { return h.session.out.Bytes() == 0 })
	if err := h.send("now", outbox.Volatile); err != nil {
		t.Error(err)
	}
	w.want("4now")
}

// SendQueue bounds what waits on both transports, including what is being sent.
func TestSendQueue(t *testing.T) {
	r := newTestServer(t, func(c *Config) { c.Limits.SendQueue = 1000 }, nil)
	p, h := r.poller()
	fill := func() int {
		n := 0
		for h.send(strings.Repeat("x", 95), outbox.Refuse) == nil {
			n++
		}
		return n
	}
	if n := fill(); n != 10 {
		t.Errorf("%d messages of 98 bytes fit", n)
	}
	p.poll()
	testkit.Eventually(t, "room", func() bool { return h.session.out.Bytes() == 0 })
	if n := fill(); n != 10 {
		t.Errorf("%d messages of 98 bytes fit again", n)
	}

	w, h2 := r.peer()
	h = h2
	testkit.Eventually(t, "an empty queue", func() bool { return h.session.out.Bytes() == 0 })
	release := h.session.conn.Hold()
	if n := fill(); n != 10 {
		t.Errorf("over WebSocket %d messages of 98 bytes fit", n)
	}
	if err := h.send("", outbox.DropNewest); !errors.Is(err, outbox.ErrFull) && h.session.out.Bytes() > 1000 {
		t.Errorf("%v, %d bytes", err, h.session.out.Bytes())
	}
	waiting := make(chan error, 1)
	go func() { waiting <- h.session.Writable(t.Context()) }()
	select {
	case err := <-waiting:
		t.Errorf("a full queue is writable: %v", err)
	default:
	}
	release()
	for range 10 {
		w.read()
	}
	if err := testkit.Receive(t, "Writable", waiting); err != nil {
		t.Error(err)
	}
}

// A body that trickles ends the session when MessageTimeout is over, and not before.
func TestMessageTimeoutOfPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, func(c *Config) { c.MessageTimeout = 3 * time.Second }, nil)
		p, h := r.poller()
		start := time.Now()
		p.halfPost()
		h.wantCause(t, websockets.CauseTransportError)
		if took := time.Since(start); took < 3*time.Second || took > 3*time.Second+time.Second/10 {
			t.Errorf("took %v", took)
		}
	})
}

func TestNoMessageTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, func(c *Config) {
			c.MessageTimeout = -1
			c.Limits.PingInterval, c.Limits.PingTimeout = time.Second, time.Second
		}, nil)
		p, h := r.poller()
		nc := p.halfPost()
		time.AfterFunc(time.Hour, func() { _, _ = nc.Write([]byte(strings.Repeat("x", 95))) })
		if got := <-h.messages; got != "half"+strings.Repeat("x", 95) {
			t.Errorf("got %q", got)
		}
	})
}
