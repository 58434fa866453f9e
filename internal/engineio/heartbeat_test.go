package engineio

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func beating(interval, timeout time.Duration) func(*Config) {
	return func(c *Config) { c.Limits.PingInterval, c.Limits.PingTimeout = interval, timeout }
}

// A little early is allowed: a client waits for interval and timeout together.
func inTime(t *testing.T, r *testServer, what string, took, due time.Duration) {
	t.Helper()
	if tick := r.srv.group.Tick; took < due-3*tick || took > due+tick {
		t.Errorf("%s after %v, due after %v (tick %v)", what, took, due, tick)
	}
}

func TestPingsByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, beating(25*time.Second, 20*time.Second), nil)
		p, h := r.poller()
		last := time.Now()
		for range 4 {
			p.want("2")
			inTime(t, r, "ping", time.Since(last), 25*time.Second)
			p.send("3")
			last = time.Now()
		}
		// A message does not stand for a pong.
		p.want("2")
		last = time.Now()
		time.AfterFunc(5*time.Second, func() { p.post("4x") })
		h.wantMessage(t, "x")
		r2 := <-h.closed
		if r2.Cause != websockets.CausePingTimeout {
			t.Errorf("%+v", r2)
		}
		inTime(t, r, "timeout", time.Since(last), 20*time.Second)
	})
}

func TestPingsByWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, beating(25*time.Second, 20*time.Second), nil)
		w, h := r.peer()
		last := time.Now()
		for range 4 {
			w.wantPing()
			inTime(t, r, "ping", time.Since(last), 25*time.Second)
			w.send("3")
			synctest.Wait()
			last = time.Now()
		}
		w.wantPing()
		last = time.Now()
		w.ExactClose(1001)
		if reason := <-h.closed; reason.Cause != websockets.CausePingTimeout {
			t.Errorf("%+v", reason)
		}
		inTime(t, r, "timeout", time.Since(last), 20*time.Second)
	})
}

// wantPing waits for a ping.
func (p *peer) wantPing() {
	p.t.Helper()
	p.want("2")
}

// The heartbeat continues during the upgrade.
func TestPingsThroughUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, beating(25*time.Second, 20*time.Second), nil)
		p, h := r.poller()
		w := p.probe()
		w.send("5")
		for range 3 {
			w.wantPing()
			w.send("3")
			synctest.Wait()
		}
		if len(h.closed) > 0 {
			t.Error(<-h.closed)
		}
	})
}

// While a message is being handled the client's pongs are not read, so the timeout does not
// apply. The client still gets pings: without them it would close the session.
func TestSlowHandlerByWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := inMemory(t, beating(time.Second, time.Second), func(h *recorder) {
			h.onMessage = func(_ bool, msg []byte) error {
				if string(msg) == "slow" {
					<-release
				}
				return nil
			}
		})
		w, h := r.peer()
		w.send("4slow")
		w.wantPing()
		answered := make(chan struct{})
		go func() { // the pong, and more, behind it
			defer close(answered)
			w.send("3")
			w.send("4x")
		}()
		for range 30 {
			w.wantPing()
		}
		close(release)
		<-answered
		for range 3 {
			w.wantPing()
			w.send("3")
			synctest.Wait()
		}
		if len(h.closed) > 0 {
			t.Error(<-h.closed)
		}
	})
}

func TestSlowHandlerByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := inMemory(t, beating(time.Second, time.Second), func(h *recorder) {
			h.onMessage = func(bool, []byte) error { <-release; return nil }
		})
		p, h := r.poller()
		time.AfterFunc(time.Minute, func() { close(release) })
		p.send("4slow")
		p.send("3") // no time passes in between
		p.want("2")
		if len(h.closed) > 0 {
			t.Error(<-h.closed)
		}
	})
}

// A large message may take longer than the heartbeat, not longer than MessageTimeout.
func TestSlowMessage(t *testing.T) {
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, beating(time.Second, time.Second), nil)
			p, h := r.poller()
			start := time.Now()
			p.halfPost()
			h.wantCauseEver(t, websockets.CauseTransportError)
			inTime(t, r, "the end", time.Since(start), time.Minute)
		})
	})
	t.Run("websocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, beating(time.Second, time.Second), nil)
			w, h := r.peer()
			start := time.Now()
			w.Write(frame(opText, "4"+strings.Repeat("x", 200))[:100])
			w.wantPing()
			go func() { // reads everything
				for {
					if _, err := w.Next(); err != nil {
						return
					}
				}
			}()
			h.wantCauseEver(t, websockets.CauseParseError)
			if took := time.Since(start); took < time.Minute || took > time.Minute+3*time.Second {
				t.Errorf("took %v", took)
			}
		})
	})
	t.Run("websocket, complete in time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, beating(time.Second, time.Second), nil)
			w, h := r.peer()
			b := frame(opText, "4"+strings.Repeat("x", 200))
			w.Write(b[:100])
			time.AfterFunc(50*time.Second, func() {
				_, _ = w.Conn.Write([]byte(b[100:]))
				_, _ = w.Conn.Write([]byte(frame(opText, "3")))
			})
			for range 49 { // one a second meanwhile
				w.wantPing()
			}
			if got := <-h.messages; len(got) != 200 {
				t.Errorf("%d bytes", len(got))
			}
			w.wantPing()
			if len(h.closed) > 0 {
				t.Error(<-h.closed)
			}
		})
	})
}

func (h *recorder) wantCauseEver(t *testing.T, want websockets.Cause) {
	t.Helper()
	if r := <-h.closed; r.Cause != want {
		t.Errorf("the reason is %+v, want %q", r, want)
	}
}

// A client that vanishes while its poll is pending is noticed at once.
func TestCancelledPoll(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	nc, err := r.dial()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write([]byte("GET /?" + p.query() + " HTTP/1.1\r\nHost: example.com\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	s, _ := r.srv.find(p.sid, false)
	testkit.Eventually(t, "the poll", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.overHTTP().requests.polling
	})
	_ = nc.Close()
	h.wantCause(t, websockets.CauseTransportError)
}

// MessageTimeout bounds the body: a handler may take longer, and the connection stays.
func TestSlowHandlerKeepsItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := inMemory(t, func(c *Config) { c.MessageTimeout = time.Second }, func(h *recorder) {
			h.onMessage = func(bool, []byte) error { <-release; return nil }
		})
		nc, err := r.dial()
		if err != nil {
			t.Fatal(err)
		}
		kept := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nc, nil }}
		defer kept.CloseIdleConnections()
		r.http.Transport = kept
		p, h := r.poller()
		time.AfterFunc(30*time.Second, func() { close(release) })
		p.send("4x")
		for range 2 {
			time.AfterFunc(10*time.Second, func() { h.say(t, "y") })
			p.want("4y")
		}
	})
}

// The connection of an incomplete POST is closed.
func TestCutPostEndsItsConnection(t *testing.T) {
	r := newTestServer(t, func(c *Config) { c.MessageTimeout = 100 * time.Millisecond }, nil)
	p, h := r.poller()
	nc := p.startPost(100)
	h.wantCause(t, websockets.CauseTransportError)
	_ = nc.SetReadDeadline(time.Now().Add(testkit.Patience))
	if _, err := io.Copy(io.Discard, nc); err != nil {
		t.Error(err)
	}
}

// Nor does one that was refused before its body was read.
func TestRefusedPostEndsItsConnection(t *testing.T) {
	r := newTestServer(t, func(c *Config) { c.MessageTimeout = 100 * time.Millisecond }, nil)
	nc, err := r.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_, _ = io.WriteString(nc, "POST /?"+polling+"&sid=unknown HTTP/1.1\r\nHost: example.com\r\nContent-Length: 100\r\n\r\n4")
	_ = nc.SetReadDeadline(time.Now().Add(testkit.Patience))
	b, err := io.ReadAll(nc)
	if err != nil || !strings.Contains(string(b), "Session ID unknown") {
		t.Errorf("%s, %v", b, err)
	}
}

// A polling client cannot answer a ping while its POST is being handled, nor until its next
// POST has arrived.
func TestPongAfterASlowPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := inMemory(t, beating(10*time.Second, 8*time.Second), func(h *recorder) {
			h.onMessage = func(bool, []byte) error { <-release; return nil }
		})
		p, h := r.poller()
		time.AfterFunc(time.Minute, func() { close(release) })
		p.send("4x")
		way := time.NewTimer(3 * time.Second) // of the answer and back
		<-way.C
		p.send("3")
		if len(h.closed) > 0 {
			t.Error(<-h.closed)
		}
	})
}

// Messages wait in the network because the handler is slow, and the pong behind
// them: the client has answered in time. It writes all at once, so that it cannot be late itself.
func TestPongBehindABacklog(t *testing.T) {
	const rounds, each = 3, 150
	r := newTestServer(t, beating(50*time.Millisecond, 50*time.Millisecond), func(h *recorder) {
		h.onMessage = func(bool, []byte) error {
			slow := time.NewTimer(time.Millisecond)
			<-slow.C
			h.messages <- ""
			return nil
		}
	})
	w, h := r.peer()
	backlog := strings.Repeat(frame(opText, "4"+strings.Repeat("x", 503)), each) // whole reads of the server
	w.Write(strings.Repeat(backlog+frame(opText, "3"), rounds))
	for i := range rounds * each { // the session does not end before the last
		select {
		case <-h.messages:
		case reason := <-h.closed:
			t.Fatalf("it ends after %d messages: %v", i, reason)
		}
	}
}
