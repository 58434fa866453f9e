package adaptertest

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func unknownTests() []test {
	return []test{
		{"law 12: an unknown event is an error to who waits, else nothing", testUnknownEvent},
		{"law 12: Fallback takes what nobody subscribes", testFallback},
		{"law 12: a frame that cannot be parsed harms nobody else", testMalformed},
	}
}

func testUnknownEvent(t *testing.T, s *suite) {
	_, c := s.solo(t, gateOf(echo()))
	c.Emit("nobody", 1)
	c.ExpectNone("exception", func() { alive(t, c) })
	e := c.CallError("nobody", 2)
	if e.Code != websockets.CodeUnknownEvent || e.Cause == nil || e.Cause.Pattern != "nobody" {
		t.Errorf("the failure is %+v, want the code %s and the event as its cause", e, websockets.CodeUnknownEvent)
	}
	alive(t, c)
}

func testFallback(t *testing.T, s *suite) {
	_, c := s.solo(t, gateOf(echo(), websockets.Fallback(func(_ context.Context, event string, p websockets.Payload) (string, error) {
		return event + " " + string(p.JSON), nil
	})))
	if got := apptest.Call[string](c, "anything", 1); got != "anything 1" {
		t.Errorf("answered %q, want the fallback's answer", got)
	}
	alive(t, c)
	c.Emit("more", 2)
	if s.traits.ReplyAsEvent {
		if got := apptest.Expect[string](c, "more"); got != "more 2" {
			t.Errorf("the event carries %q", got)
		}
	}
	c.ExpectNone("exception", func() { alive(t, c) })
}

func testMalformed(t *testing.T, s *suite) {
	a := s.start(t, gateOf(echo()))
	other, c := s.dial(t, a), s.dial(t, a)
	c.Raw().Text("{")
	if _, err := c.TryCall("echo"); err == nil { // otherwise the protocol wants the connection closed
		if e := apptest.Expect[apptest.Exception](c, "exception"); e.Code != websockets.CodeBadMessage {
			t.Errorf("exception %+v, want the code %s", e, websockets.CodeBadMessage)
		}
	} else {
		c.ExpectClose()
	}
	alive(t, other)
}
