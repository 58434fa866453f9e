package adaptertest

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// wantAnswer sends a request and checks its answer.
func wantAnswer[T comparable](t *testing.T, c *apptest.Client, want T, event string, args ...any) {
	t.Helper()
	if got := apptest.Call[T](c, event, args...); got != want {
		t.Errorf("the request %s %v is answered %v, want %v", event, args, got, want)
	}
}

// wantError sends a request and checks the message of the error that answers it.
func wantError(t *testing.T, c *apptest.Client, want, event string, args ...any) {
	t.Helper()
	if e := c.CallError(event, args...); e.Message != want {
		t.Errorf("the request %s %v is answered %+v, want the message %q", event, args, e, want)
	}
}

// wantEvent waits for an event and checks its data.
func wantEvent[T comparable](t *testing.T, c *apptest.Client, want T, event string) {
	t.Helper()
	if got := apptest.Expect[T](c, event); got != want {
		t.Errorf("the event %s has %v, want %v", event, got, want)
	}
}

// wantReceived waits for a value of ch, described by what.
func wantReceived[T comparable](t *testing.T, what string, ch <-chan T, want T) {
	t.Helper()
	if got := testkit.Receive(t, what, ch); got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// wantCause waits for the reason of a client that has left.
func wantCause(t *testing.T, what string, left <-chan websockets.Reason, want websockets.Cause) {
	t.Helper()
	if r := testkit.Receive(t, what, left); r.Cause != want {
		t.Errorf("Session.Closed was called with %v, want the cause %q", r, want)
	}
}

// wantLogged checks how many lines of the log have all words.
func wantLogged(t *testing.T, log *testkit.Log, want int, words ...string) {
	t.Helper()
	if got := log.Lines(words...); len(got) != want {
		t.Errorf("%q is logged %d times, want %d", words, len(got), want)
	}
}

// wantRejected checks the message and the content of what the rejected client of a receives, and its status where that is HTTP.
func (s *suite) wantRejected(t *testing.T, a *apptest.App, message string, status int, words ...string) {
	t.Helper()
	e := s.rejected(t, a, s.root())
	payload := []byte(e.Data)
	if !s.traits.Namespaces {
		payload = e.Body
		if e.Status != status {
			t.Errorf("status %d, want %d", e.Status, status)
		}
	}
	if e.Message != message {
		t.Errorf("message %q, want %q", e.Message, message)
	}
	has(t, string(payload), words...)
}
