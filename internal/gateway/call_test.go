package gateway

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type gathered[T any] struct {
	res websockets.Results[T]
	err error
}

// callAll calls from another goroutine and waits until every client was asked.
func callAll[Res any](ctx context.Context, to websockets.Selection, e websockets.CallEvent[string, Res]) <-chan gathered[Res] {
	done := make(chan gathered[Res], 1)
	go func() {
		res, err := e.CallAll(ctx, to, "?")
		done <- gathered[Res]{res, err}
	}()
	synctest.Wait()
	return done
}

// result returns the outcome of a call that must have returned by now.
func result[T any](t *testing.T, done <-chan gathered[T]) gathered[T] {
	t.Helper()
	synctest.Wait()
	select {
	case g := <-done:
		return g
	default:
		t.Fatal("the call has not returned")
		return gathered[T]{}
	}
}

func missing(ns []websockets.NoAnswer) map[string]error {
	m := map[string]error{}
	for _, n := range ns {
		m[n.Client.ID()] = n.Err
	}
	return m
}

func (p *peer) pendingCalls() int {
	s := p.client()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls.byID)
}

var vote = websockets.NewCall[string, int]("vote")

func TestCallAllGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		a, b, left, full, odd, other := k.dial(), k.dial(), k.dial(), k.dial(), k.dial(), k.dial()
		going := k.dial()
		going.emit = func(*adapter.Outgoing, uint64) error {
			going.sess.Closed(websockets.Reason{}) // reports twice that no answer will come
			return websockets.ErrClosed
		}
		full.emit = func(*adapter.Outgoing, uint64) error { return websockets.ErrQueueFull }
		synctest.Wait()
		done := callAll(t.Context(), d.Server.Except(other.client()), vote)
		a.want(t, `vote "?"`)
		other.want(t)
		b.answer(t, "2")
		a.answer(t, "1")
		odd.answer(t, `"many"`)
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("returned before every client had answered or left")
		}
		left.sess.Closed(websockets.Reason{})
		g := result(t, done)
		if g.err != nil {
			t.Fatal(g.err)
		}
		answer := func(p *peer, v int) websockets.Answer[int] {
			return websockets.Answer[int]{ID: p.id, Node: d.Server.Nodes()[0].ID, Client: p.client(), Value: v}
		}
		if r := g.res.Answered; !slices.Equal(r, []websockets.Answer[int]{answer(b, 2), answer(a, 1)}) {
			t.Errorf("answered: %v", r)
		}
		m := missing(g.res.Missing)
		_, undecoded := errors.AsType[*websockets.Error](m[odd.id])
		if len(m) != 4 || !errors.Is(m[going.id], websockets.ErrClosed) || !errors.Is(m[left.id], websockets.ErrClosed) || !errors.Is(m[full.id], websockets.ErrQueueFull) || !undecoded {
			t.Errorf("missing: %v", m)
		}
		for _, p := range []*peer{a, b, left, full, odd} {
			if n := p.pendingCalls(); n != 0 {
				t.Errorf("%s: %d calls are kept", p.id, n)
			}
		}
	})
}

func TestCallAllEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		a, b := k.dial(), k.dial()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := callAll(ctx, d.Server.All(), vote)
		a.answer(t, "1")
		<-ctx.Done()
		g := result(t, done)
		if g.err != nil {
			t.Errorf("error %v: missing answers are data", g.err)
		}
		if len(g.res.Answered) != 1 || !errors.Is(missing(g.res.Missing)[b.id], context.DeadlineExceeded) {
			t.Errorf("got %+v", g.res)
		}
		if b.pendingCalls() != 0 {
			t.Error("the call is kept")
		}
		b.answer(t, "2") // too late
		if len(g.res.Answered) != 1 {
			t.Error("a late answer has been added")
		}

		a.got()
		g = result(t, callAll(ctx, d.Server.All(), vote)) // ended before
		if m := missing(g.res.Missing); g.err != nil || len(m) != 2 || !errors.Is(m[a.id], context.DeadlineExceeded) {
			t.Errorf("got %+v, %v", g.res, g.err)
		}
		a.want(t) // no client was asked
	})
}

// Calls without a deadline wait for Limits.CallTimeout.
func TestCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d, websockets.WithLimits(websockets.Limits{CallTimeout: 3 * time.Second}))
		p := k.dial()
		start := time.Now()
		if _, err := p.client().Call(context.Background(), "x", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Call of a client: %v", err)
		}
		res, err := vote.CallAll(context.Background(), d.Server, "?")
		if err != nil || len(res.Missing) != 1 || !errors.Is(res.Missing[0].Err, context.DeadlineExceeded) {
			t.Errorf("CallAll: %+v, %v", res, err)
		}
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("it took %v, want 6 s", took)
		}
	})
}

func TestCallAllWithoutClientsAndUnencodable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		res, err := vote.CallAll(t.Context(), d.Server, "?")
		if err != nil || res.Answered != nil || res.Missing != nil {
			t.Errorf("without clients: %+v, %v", res, err)
		}
		a := k.dial()
		synctest.Wait()
		if _, err := d.Server.Call(t.Context(), "vote", make(chan int)); err == nil {
			t.Error("a channel has been encoded")
		}
		a.want(t)
	})
}

// TestCallAllEncodesOnce: what is encoded is shared between the clients.
func TestCallAllEncodesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		peers := []*peer{k.dial(), k.dial(), k.dial()}
		synctest.Wait()
		n := 0
		counted := websockets.NewCall[counter, int]("count")
		done := make(chan gathered[int], 1)
		go func() {
			res, err := counted.CallAll(t.Context(), d.Server, counter{&n})
			done <- gathered[int]{res, err}
		}()
		synctest.Wait()
		for _, p := range peers {
			p.answer(t, "1")
		}
		if g := result(t, done); g.err != nil || len(g.res.Answered) != 3 {
			t.Errorf("%+v, %v", g.res, g.err)
		}
		if n != 1 {
			t.Errorf("encoded %d times", n)
		}
	})
}

type counter struct{ n *int }

func (c counter) MarshalJSON() ([]byte, error) { *c.n++; return []byte("1"), nil }

func TestCallOfOneEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		a := k.dial()
		synctest.Wait()
		failed := make(chan error, 1)
		go func() {
			_, err := a.client().Call(context.Background(), "x", 1)
			failed <- err
		}()
		synctest.Wait()
		a.sess.Closed(websockets.Reason{})
		if err := <-failed; !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if _, err := a.client().Call(context.Background(), "x", 1); !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("after that: %v", err)
		}
	})
}
