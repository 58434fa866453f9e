package adaptertest

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var closingTests = []test{
	{"law 20: Client.Close sends its code and text", testCloseCode},
	{"law 20: a message that a client sent before it closed is handled", testCleanClose},
	{"law 20: Server.Close ends the connections and refuses others", testServerClose},
}

// closeCodes reports whether the close of a client has a code: not where it ends a
// namespace, nor where the adapter sends none at a stop.
func (s *suite) closeCodes() bool { return !s.traits.Namespaces && s.cfg.ShutdownClose.Code != 0 }

func testCloseCode(t *testing.T, s *suite) {
	g, left := leaving(websockets.Limits{}, echo())
	_, c := s.solo(t, g)
	alive(t, c)
	only(t, g).Close(4001, "try again")
	end := c.ExpectClose()
	if want := (apptest.Close{Code: 4001, Reason: "try again"}); s.closeCodes() && end != want {
		t.Errorf("the client receives %v, want %v: Conn.Close must send the Code and Text of its Reason", end, want)
	}
	r := testkit.Receive(t, "Session.Closed after Conn.Close", left)
	if want := (websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: 4001, Text: "try again"}); r != want {
		t.Errorf("Session.Closed was called with %+v, want the Reason of Conn.Close, %+v", r, want)
	}
}

// testCleanClose: the handler runs until the client has left.
func testCleanClose(t *testing.T, s *suite) {
	started, results := make(chan struct{}), make(chan error, 1)
	g, left := leaving(websockets.Limits{}, websockets.Listen("first", func(ctx context.Context, _ struct{}) error {
		close(started)
		return nil
	}), websockets.Listen("second", func(ctx context.Context, _ struct{}) error {
		results <- ctx.Err()
		return nil
	}))
	_, c := s.solo(t, g)
	c.Emit("first")
	testkit.Receive(t, "the handler", started)
	c.Emit("second")
	c.Close()
	if r := testkit.Receive(t, "Session.Closed after the client has closed", left); !r.Clean {
		t.Errorf("Session.Closed was called with %+v for a client that closed by the protocol: set Reason.Clean", r)
	}
	if err := testkit.Receive(t, "the handler of the last message", results); err != nil {
		t.Errorf("the handler's context has ended: %v", err)
	}
}

func testServerClose(t *testing.T, s *suite) {
	g, left := leaving(websockets.Limits{}, echo())
	ct := s.contract(t)
	a := s.startOn(t, ct, []*testGateway{g})
	c := s.dial(t, a)
	alive(t, c)
	srv, _ := ct.only()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = srv.Close(ctx) // an error reports the connections that were cut
	testkit.Receive(t, "Session.Closed: Server.Close must close the connections that are left when ctx is done", left)
	c.ExpectClose()
	if _, err := s.cfg.Dial(t, a.URL(), s.root()); err == nil {
		t.Error("a client was accepted after Server.Close")
	}
}
