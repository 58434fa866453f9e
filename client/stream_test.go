package client_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestTwoStreamsAtOnce(t *testing.T) {
	_, url := started(t)
	c := dial(t, url, client.Options{})
	var both sync.WaitGroup
	for _, from := range []int{0, 10_000} {
		both.Go(func() {
			next := from
			for n, err := range Count.Of(t.Context(), c, Range{from, from + 500}) {
				if err != nil || n != next {
					t.Errorf("got %d, %v, want %d", n, err, next)
					return
				}
				next++
			}
			if next != from+500 {
				t.Errorf("it ends at %d", next)
			}
		})
	}
	both.Wait()
	var texts string
	var last error
	for n, err := range Notes.Of(t.Context(), c, 3) {
		if last = err; err == nil {
			texts += n.Text
		}
	}
	if e, ok := errors.AsType[*websockets.Error](last); !ok || e.Code != "burnt" || texts != "012" {
		t.Errorf("%q, %v", texts, last)
	}
	for _, err := range websockets.NewStream[Range]("count", Tock).Of(t.Context(), c, Range{0, 3}) {
		if err == nil {
			t.Error("a number is a note")
		}
	}
}

// mostCancel is how long a handler may run after its client has left the loop.
const mostCancel = 100 * time.Millisecond

func TestBreakCancelsTheHandler(t *testing.T) {
	k, url := started(t)
	c := dial(t, url, client.Options{})
	best := time.Hour // a loaded machine may be slow, but not each time
	for range 10 {
		var left time.Time
		for n, err := range Count.Of(t.Context(), c, Range{From: 5}) {
			if err != nil || n > 6 {
				t.Fatal(n, err)
			}
			if n == 6 {
				left = time.Now()
				break
			}
		}
		e := testkit.Receive(t, "the end of the handler", k.ends)
		if !errors.Is(e.cause, websockets.ErrCancelled) {
			t.Errorf("the cause is %v", e.cause)
		}
		best = min(best, e.at.Sub(left))
	}
	if best > mostCancel {
		t.Errorf("the handler ends after %v", best)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for n, err := range Count.Of(ctx, c, Range{From: 1}) {
		if last = err; n == 2 {
			cancel()
		}
	}
	wantErrors(t, last, context.Canceled)
	if e := testkit.Receive(t, "the end of the handler", k.ends); !errors.Is(e.cause, websockets.ErrCancelled) {
		t.Errorf("the cause is %v", e.cause)
	}
	if got := call(t, c, Fail, "alive"); got != "alive" {
		t.Error(got)
	}
}

func TestSlowReaderOfAStream(t *testing.T) {
	k, url := started(t)
	c := dial(t, url, client.Options{Limits: client.Limits{Items: 10}})
	read := 0
	var last error
	for n, err := range Count.Of(t.Context(), c, Range{0, 1_000_000}) {
		if last = err; err != nil {
			break
		}
		if n != read {
			t.Errorf("item %d, want %d", n, read)
		}
		if read++; read == 1 { // the others arrive meanwhile
			if e := testkit.Receive(t, "the end of the handler", k.ends); !errors.Is(e.cause, websockets.ErrCancelled) {
				t.Errorf("the cause is %v", e.cause)
			}
		}
	}
	wantErrors(t, last, client.ErrTooSlow)
	if read < 10 || read > 12 {
		t.Errorf("%d items were read", read)
	}
	if got := call(t, c, Fail, "alive"); got != "alive" {
		t.Error(got)
	}
}

func TestStreamOfALostConnection(t *testing.T) {
	k, url := started(t)
	c := dial(t, url, client.Options{FirstRetry: time.Millisecond})
	var last error
	for n, err := range Count.Of(t.Context(), c, Range{From: 1}) {
		if last = err; n == 3 {
			if err := c.Emit(t.Context(), "kick", 3000); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantErrors(t, last, client.ErrDisconnected, client.ErrUnanswered)
	if e := testkit.Receive(t, "the end of the handler", k.ends); e.cause == nil {
		t.Error("the handler's context has not ended")
	}
	// One that waits for a connection is not sent when its context ends.
	idle := prepare(t, url, client.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	for _, err := range Count.Of(ctx, idle, Range{From: 1}) {
		wantErrors(t, err, context.DeadlineExceeded)
	}
}
