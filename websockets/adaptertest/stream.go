package adaptertest

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var streamTests = []test{
	{"law 10: Stream sends the items in order, then an empty ack", testStream},
	{"law 10: a stream ends when the client disconnects", testStreamLeft},
	{"law 10: an error ends a stream and reaches the client", testStreamError},
	{"law 10: a stream ends when the application stops", testStreamStop},
	{"law 10: a client cancels a stream", testStreamCancel},
	{"law 10: a client cancels a stream by its request", testRequestCancel},
}

type items = iter.Seq2[websockets.Response[int], error]

func testStream(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(websockets.Stream("count", func(_ context.Context, n int) items {
		return func(yield func(websockets.Response[int], error) bool) {
			for i := range n {
				r := websockets.Response[int]{Data: i}
				if i%2 == 1 {
					r.Event = "odd"
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}, websockets.Sends(counted, odd)), websockets.Stream("none", func(context.Context, int) items { return nil })))
	if got := c.Call("count", 5); len(got) != 0 {
		t.Errorf("the ack carries %s, want nothing", got)
	}
	for i, want := range []string{"count(0)", "odd(1)", "count(2)", "odd(3)", "count(4)"} {
		if got := c.Next().String(); got != want {
			t.Errorf("item %d is %s, want %s", i, got, want)
		}
	}
	if got := c.Call("none"); len(got) != 0 {
		t.Errorf("the ack of no stream carries %s, want nothing", got)
	}
}

// endless returns a stream that runs until it is stopped.
func endless(ended chan<- struct{}) websockets.Subscription {
	return websockets.Stream("endless", func(context.Context, int) items {
		return func(yield func(websockets.Response[int], error) bool) {
			defer func() { ended <- struct{}{} }()
			for i := 0; yield(websockets.Response[int]{Data: i}, nil); i++ {
			}
		}
	}, websockets.Background(1), websockets.Sends(endlessItem))
}

func testStreamLeft(t *testing.T, s *suite) {
	ended := make(chan struct{}, 1)
	a := s.start(t, newGateway(echo(), endless(ended)))
	other := s.dial(t, a)
	for _, leave := range []func(*apptest.Client){(*apptest.Client).Close, (*apptest.Client).Abort} {
		c := s.dial(t, a)
		c.Emit("endless")
		c.ExpectMessage("endless")
		leave(c)
		testkit.Receive(t, "stream", ended)
	}
	alive(t, other)
}

// A cancelled stream ends as at its end: the waiting ack is answered. The client's other
// streams go on.
func testStreamCancel(t *testing.T, s *suite) {
	causes := make(chan error, 1)
	waiting := websockets.Stream("waiting", func(ctx context.Context, _ int) items {
		return func(yield func(websockets.Response[int], error) bool) {
			if yield(websockets.Response[int]{Data: 1}, nil) {
				<-ctx.Done()
				causes <- context.Cause(ctx)
			}
		}
	}, websockets.Background(1), websockets.Sends(waitingItem))
	ended := make(chan struct{}, 1)
	_, c := s.solo(t, newGateway(echo(), waiting, endless(ended)))
	c.Emit("endless")
	answered := make(chan error, 1)
	go func() {
		_, err := c.TryCall("waiting")
		answered <- err
	}()
	c.ExpectMessage("waiting")
	c.Emit(websockets.EventCancel, "waiting")
	if cause := testkit.Receive(t, "the cause of the stream's context", causes); !errors.Is(cause, websockets.ErrCancelled) {
		t.Errorf("the cause is %v", cause)
	}
	if err := testkit.Receive(t, "answer", answered); err != nil {
		t.Errorf("the request is answered %v", err)
	}
	c.ExpectMessage("endless")
	c.Emit(websockets.EventCancel, "unknown")
	c.Emit(websockets.EventCancel, "endless")
	testkit.Receive(t, "stream", ended)
	alive(t, c)
}

// testRequestCancel is for protocols that name the request of a stream's item.
func testRequestCancel(t *testing.T, s *suite) {
	causes := make(chan error, 2)
	_, c := s.solo(t, newGateway(echo(), websockets.Stream("waiting", func(ctx context.Context, n int) items {
		return func(yield func(websockets.Response[int], error) bool) {
			if yield(websockets.Response[int]{Data: n}, nil) {
				<-ctx.Done()
				causes <- context.Cause(ctx)
			}
		}
	}, websockets.Background(2), websockets.Sends(waitingItem))))
	answered := make(chan error, 2)
	for n := range 2 {
		go func() {
			_, err := c.TryCall("waiting", n)
			answered <- err
		}()
	}
	first, second := c.ExpectMessage("waiting"), c.ExpectMessage("waiting")
	switch err := c.TryCancel(first); {
	case errors.Is(err, errors.ErrUnsupported):
		return
	case err != nil:
		t.Fatalf("%v: Conn.Emit must send the id of Outgoing.InReplyTo", err)
	case second.InReplyTo == first.InReplyTo:
		t.Errorf("the items of two requests name one: Conn.Emit must send the id of Outgoing.InReplyTo")
	}
	if cause := testkit.Receive(t, "the end of a stream that the client has cancelled: does the adapter call Session.Cancel?", causes); !errors.Is(cause, websockets.ErrCancelled) {
		t.Errorf("the cause is %v, want %v by Session.Cancel", cause, websockets.ErrCancelled)
	}
	if err := testkit.Receive(t, "the answer of a cancelled stream", answered); err != nil {
		t.Errorf("the request is answered %v", err)
	}
	alive(t, c)
	select {
	case cause := <-causes:
		t.Errorf("the stream of another request has ended: %v: Session.Cancel must match the id of the request", cause)
	default:
	}
}

func testStreamStop(t *testing.T, s *suite) {
	ended := make(chan struct{}, 1)
	a, c := s.solo(t, newGateway(endless(ended)))
	c.Emit("endless")
	c.ExpectMessage("endless")
	stop(t, a)
	testkit.Receive(t, "stream", ended)
}

func testStreamError(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(echo(), websockets.Stream("broken", func(context.Context, int) items {
		return func(yield func(websockets.Response[int], error) bool) {
			_ = yield(websockets.Response[int]{Data: 1}, nil) && yield(websockets.Response[int]{}, errors.Join(websockets.NewError("no more")))
		}
	}, websockets.Sends(websockets.NewEvent[int]("broken")))))
	wantError(t, c, "no more", "broken")
	wantEvent(t, c, 1, "broken")
	alive(t, c)
}
