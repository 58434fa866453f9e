package adaptertest

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var unknownTests = []test{
	{"law 12: an unknown event is an error for a waiting ack, otherwise ignored", testUnknownEvent},
	{"law 12: Fallback handles events without a subscription", testFallback},
	{"law 12: a malformed frame does not affect other clients", testMalformed},
}

func testUnknownEvent(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(echo()))
	c.Emit("unknown", 1)
	c.ExpectNone("exception", func() { alive(t, c) })
	e := c.CallError("unknown", 2)
	if e.Code != websockets.CodeUnknownEvent || e.Cause == nil || e.Cause.Pattern != "unknown" {
		t.Errorf("the failure is %+v, want the code %s and the event as its cause", e, websockets.CodeUnknownEvent)
	}
	alive(t, c)
}

func testFallback(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(echo(), websockets.Fallback(func(_ context.Context, event string, p websockets.Payload) (string, error) {
		return event + " " + string(p.JSON), nil
	})))
	wantAnswer(t, c, "anything 1", "anything", 1)
	alive(t, c)
	c.Emit("more", 2)
	if s.traits.ReplyAsEvent {
		wantEvent(t, c, "more 2", "more")
	}
	c.ExpectNone("exception", func() { alive(t, c) })
}

func testMalformed(t *testing.T, s *suite) {
	a := s.start(t, newGateway(echo()))
	other, c := s.dial(t, a), s.dial(t, a)
	c.Raw().Text("{")
	if _, err := c.TryCall("echo"); err == nil { // otherwise the protocol closes the connection
		if e := apptest.Expect[apptest.Exception](c, "exception"); e.Code != websockets.CodeBadMessage {
			t.Errorf("exception %+v, want the code %s", e, websockets.CodeBadMessage)
		}
	} else {
		c.ExpectClose()
	}
	alive(t, other)
}
