package engineio

import (
	"context"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/internal/tombstone"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const unknownSession = `{"code":1,"message":"Session ID unknown"}`

// wantUnknown checks that a poll finds no session.
func (p *poller) wantUnknown() {
	p.r.t.Helper()
	if a := p.poll(); a.status != http.StatusBadRequest || a.body != unknownSession {
		p.r.t.Errorf("the poll was answered %d %.200q, want no session", a.status, a.body)
	}
}

// ends are the ways in which a server ends a session that is not polled.
var ends = []struct {
	name   string
	change func(*Config)
	end    func(p *poller, h *recorder)
	moot   bool // the transport failed: the next poll finds no session
}{
	{"closed by the application", nil, func(_ *poller, h *recorder) { h.session.Close(ended, wsconn.CloseHandshake) }, false},
	{"closed at once", nil, func(_ *poller, h *recorder) { h.session.Close(full, wsconn.CloseAbort) }, false},
	{"gracefully, and no poll in time", func(c *Config) { c.Limits.CloseTimeout = 50 * time.Millisecond }, func(_ *poller, h *recorder) {
		h.session.Close(ended, wsconn.CloseGraceful)
	}, false},
	{"aborted", nil, func(_ *poller, h *recorder) { h.session.Abort() }, false},
	{"no pong", beating(20*time.Millisecond, 20*time.Millisecond), func(*poller, *recorder) {}, true},
	{"a packet of unknown type", nil, func(p *poller, _ *recorder) { p.post("9") }, true},
	{"an empty packet", nil, func(p *poller, _ *recorder) { p.post("\x1e") }, true},
	{"a ping", nil, func(p *poller, _ *recorder) { p.post("2") }, true},
	{"no UTF-8", nil, func(p *poller, _ *recorder) { p.post("4\xff") }, true},
	{"no base64", nil, func(p *poller, _ *recorder) { p.post("b*") }, true},
	{"an error of the handler", nil, func(p *poller, h *recorder) { p.post("4fail") }, false},
	{"a panic of the handler", nil, func(p *poller, h *recorder) { p.post("4panic") }, false},
	{"a body over the limit", nil, func(p *poller, _ *recorder) { p.tooLong() }, false},
	{"a binary body", nil, func(p *poller, _ *recorder) { p.post("4x", "Content-Type", "application/octet-stream") }, true},
	{"half a body", nil, func(p *poller, _ *recorder) { _ = p.halfPost().Close() }, true},
	{"a slow body", func(c *Config) { c.MessageTimeout = 50 * time.Millisecond }, func(p *poller, _ *recorder) { p.startPost(100) }, true},
	{"two posts", nil, func(p *poller, _ *recorder) { p.halfPost(); p.post("3") }, true},
	{"too many sessions without a poll", func(c *Config) {
		c.MaxUnpolled = 1
		c.Limits.PingTimeout = 50 * time.Millisecond
	}, func(p *poller, h *recorder) {
		testkit.Eventually(p.r.t, "the end", func() bool { // once it was not polled for PingTimeout
			p.r.poller()
			return len(h.closed) > 0
		})
	}, false},
	{"an upgrade is under way", nil, func(p *poller, h *recorder) { p.probe(); h.session.Close(full, wsconn.CloseAbort) }, false},
}

// The poll after an end of the server's making gets the close packet, once. After a failure of the transport it finds
// no session.
func TestPollAfterTheEnd(t *testing.T) {
	for _, tt := range ends {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestServer(t, tt.change, func(h *recorder) {
				h.onMessage = func(_ bool, msg []byte) error {
					switch string(msg) {
					case "panic":
						panic("boom")
					case "fail":
						return errNo
					}
					return nil
				}
			})
			p, h := r.poller()
			tt.end(p, h)
			testkit.Receive(t, "the end", h.closed)
			if a := p.post("3"); a.status != http.StatusBadRequest || a.body != unknownSession {
				t.Errorf("a POST is answered %d %q", a.status, a.body)
			}
			if w, resp := r.handshake(overWebSocket + "&sid=" + p.sid); resp.Status != http.StatusBadRequest {
				t.Errorf("an upgrade is answered %d", resp.Status)
			} else {
				_ = w.Conn.Close()
			}
			if a := r.get("EIO=3&transport=polling&sid=" + p.sid); a.status != http.StatusBadRequest {
				t.Errorf("a poll of another version is answered %d", a.status)
			}
			if tt.moot {
				p.wantUnknown()
				return
			}
			a := p.poll()
			if a.status != http.StatusOK || a.body != "1" || a.header.Get("Content-Type") != "text/plain; charset=UTF-8" {
				t.Errorf("the poll is answered %d %q %v", a.status, a.body, a.header)
			}
			p.wantUnknown()
		})
	}
}

// A client that has ended its session, or is on WebSocket, needs no close packet.
func TestNoPollAfterItsOwnEnd(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	p.send("1")
	testkit.Receive(t, "the end", h.closed)
	p.wantUnknown()

	p, h = r.poller()
	p.probe().send("5")
	testkit.Eventually(t, "the upgrade", h.session.websocket)
	h.session.Close(full, wsconn.CloseAbort)
	testkit.Receive(t, "the end", h.closed)
	p.wantUnknown()

	w, h := r.peer()
	sid := h.session.id
	_ = w.Conn.Close()
	testkit.Receive(t, "the end", h.closed)
	(&poller{r, sid}).wantUnknown()
}

// A poll that waits when its session ends gets the close packet, and the next one finds no session.
func TestWaitingPollAtTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(p *poller, h *recorder)
	}{
		{"gracefully", func(_ *poller, h *recorder) { h.session.Close(ended, wsconn.CloseGraceful) }},
		{"at once", func(_ *poller, h *recorder) { h.session.Close(full, wsconn.CloseAbort) }},
		{"aborted", func(_ *poller, h *recorder) { h.session.Abort() }},
		{"a bad packet", func(p *poller, _ *recorder) { p.post("9") }},
		{"a body over the limit", func(p *poller, _ *recorder) { p.tooLong() }},
		{"two posts", func(p *poller, _ *recorder) { p.halfPost(); p.post("3") }},
		{"two polls", func(p *poller, _ *recorder) { p.poll() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestServer(t, nil, nil)
			p, h := r.poller()
			got := p.polling()
			tt.end(p, h)
			if a := testkit.Receive(t, "the poll", got); a.status != http.StatusOK || a.body != "1" {
				t.Errorf("the waiting poll is answered %d %q", a.status, a.body)
			}
			p.wantUnknown()
			testkit.Receive(t, "the end", h.closed)
		})
	}
}

// The answer to a poll was ready when the session ended: the next poll gets the close packet.
func TestEndBehindAnAnswer(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	s := h.session
	s.startRequest(&s.overHTTP().requests.polling)
	s.closeNow(full)
	if r.srv.knows(p.sid) {
		t.Error("the pending poll and the next one are both to be answered with the close packet")
	}
	s.endPoll(answered)
	p.want("1")
	p.wantUnknown()
}

// A poll that has found the session before it ended takes the close packet from the next one.
func TestPollBesideTheEnd(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	s := h.session
	s.closeNow(full)
	s.startRequest(&s.overHTTP().requests.polling)
	a := s.await(context.Background())
	if string(a.body) != "1" {
		t.Errorf("the poll is answered %q", a.body)
	}
	s.endPoll(a.outcome)
	p.wantUnknown()
}

// The answer with the close packet is the last one, also while it is being written.
func TestClosePacketIsSentOnce(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	s := h.session
	s.startRequest(&s.overHTTP().requests.polling)
	if err := h.send("last", outbox.Refuse); err != nil {
		t.Fatal(err)
	}
	s.Close(ended, wsconn.CloseGraceful)
	a := s.await(context.Background())
	if string(a.body) != "4last\x1e1" {
		t.Errorf("the poll is answered %q", a.body)
	}
	s.endPoll(a.outcome)
	p.wantUnknown()
	s.end(websockets.Reason{})
	h.wantCause(t, ended.Cause)
	p.wantUnknown()
}

func TestEndedSessionIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil, nil)
		p, h := r.poller()
		q, i := r.poller()
		for _, h := range []*recorder{h, i} {
			h.session.Close(full, wsconn.CloseAbort)
			<-h.closed
		}
		<-time.After(tombstone.Moment - time.Second)
		p.want("1")
		<-time.After(time.Second)
		q.wantUnknown()
	})
}

// What is remembered of an ended session is its id, and a client that opens and ends many does not
// make it more.
func TestEndedSessionsKeepNoMemory(t *testing.T) {
	r := newTestServer(t, nil, nil)
	freed := make(chan struct{})
	sid := func() string {
		p, h := r.poller()
		runtime.AddCleanup(h.session, func(c chan struct{}) { close(c) }, freed)
		h.session.Close(full, wsconn.CloseAbort)
		testkit.Receive(t, "the end", h.closed)
		return p.sid
	}()
	testkit.Eventually(t, "the memory of the session", func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	})
	if !r.srv.knows(sid) {
		t.Error("the session is not remembered")
	}
	for range 2 * tombstone.Most {
		s := r.srv.newSession(func() {})
		s.handler = &recorder{closed: make(chan websockets.Reason, 1)}
		s.srv.group.Enter()
		s.addHolder()
		s.end(full)
	}
	if r.srv.knows(sid) {
		t.Error("more sessions are remembered than allowed")
	}
}
