package adaptertest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// smokePatience limits each wait of the first test.
const smokePatience = 20 * time.Second

// smoke tests what every other test needs: a client connects, calls, is called, receives an
// event, and leaves on either side.
func smoke(t *testing.T, s *suite) {
	g, left := leaving(websockets.Limits{}, echo())
	g.emits(posted, double)
	ct := s.contract(t)
	a := s.startOn(t, ct, []*testGateway{g})
	t.Cleanup(func() { // before the stop of the application, which waits for sessions
		if t.Failed() {
			ct.abandon()
		}
	})
	c := s.smokeClient(t, ct, a)
	if _, err := c.TryCall("echo", "hello"); err != nil {
		t.Fatalf("a request of the client: %v: %s", err, ct.unanswered())
	}
	if err := g.Server.Emit(t.Context(), "posted", 1); err != nil {
		t.Fatalf("an event: Conn.Emit: %v", err)
	}
	c.ExpectMessage("posted")
	c.OnCall("double", func(data json.RawMessage) any { return data })
	ctx, cancel := context.WithTimeout(t.Context(), smokePatience)
	defer cancel()
	if _, err := double.Call(ctx, only(t, g), 1); err != nil {
		t.Fatalf("a call of the server: %v: %s", err, ct.unacked())
	}
	c.Close()
	ct.ends(t, left, "the client has closed the connection")

	c = s.smokeClient(t, ct, a)
	if _, err := c.TryCall("echo", "hello"); err != nil {
		t.Fatalf("a request of a second client: %v: %s", err, ct.unanswered())
	}
	only(t, g).Disconnect()
	ct.ends(t, left, "Conn.Close was called")
	c.ExpectClose()
}

func (s *suite) smokeClient(t *testing.T, ct *contract, a *apptest.App) *apptest.Client {
	t.Helper()
	c, err := s.cfg.Dial(t, a.URL(), s.root(), apptest.WithTimeout(smokePatience))
	if err != nil {
		t.Fatalf("dial %s%s: %v", a.URL(), s.root(), err)
	}
	testkit.Eventually(t, "Endpoint.Connect is called for a client that has connected", func() bool { _, sess := ct.only(); return sess != nil })
	return c
}

// unanswered returns why a request has no answer.
func (ct *contract) unanswered() string {
	switch _, s := ct.only(); {
	case s.hasEnded():
		return "Session.Closed was called"
	case s.received.Load() == 0:
		return "Session.Receive was not called for its message"
	case s.waiting.Load():
		return "Session.Receive returned Work, and neither its Run nor its Start was called"
	case s.answers.Load() == 0:
		return "the framework has not answered"
	}
	return "Conn.Reply was called, and the client received no answer with the id of its request"
}

// unacked returns why a call of the server has no answer.
func (ct *contract) unacked() string {
	_, s := ct.only()
	switch call, ack := s.lastCall.Load(), s.lastAck.Load(); {
	case call == 0:
		return "Conn.Emit was not called"
	case ack == 0:
		return "Session.Ack was not called with the client's answer"
	case ack != call:
		return "Session.Ack was called with another number than Conn.Emit"
	}
	return "Session.Ack was called"
}

// ends waits for the end of the only client.
func (ct *contract) ends(t *testing.T, left <-chan websockets.Reason, why string) {
	t.Helper()
	timeout := time.NewTimer(smokePatience)
	defer timeout.Stop()
	select {
	case <-left:
	case <-timeout.C:
		if _, s := ct.only(); !s.hasEnded() {
			t.Fatalf("Session.Closed was not called within %v after %s", smokePatience, why)
		}
		t.Fatalf("HandleDisconnect did not run within %v after %s and Session.Closed was called", smokePatience, why)
	}
}

// abandon does what the adapter has not done, so that the application stops.
func (ct *contract) abandon() {
	ct.mu.Lock()
	defer ct.mu.Unlock()
	for _, s := range ct.sessions {
		if s.waiting.Load() {
			s.Start()
		}
		s.Session.Closed(websockets.Reason{})
	}
}
