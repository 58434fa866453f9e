package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// till notes what is opened and shut.
type till struct {
	mu    sync.Mutex
	notes []string
}

func (l *till) note(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, s)
}

func (l *till) want(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.notes, want) {
		t.Errorf("happened %q, want %q", l.notes, want)
	}
}

func newCarts(l *till) *websockets.Scoped[string] {
	return websockets.NewScoped(func(_ context.Context, c websockets.Client) (string, error) {
		l.note("open " + c.ID())
		return "cart of " + c.ID(), nil
	}, func(cart string) { l.note("shut " + cart) })
}

func TestScoped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l till
		carts := newCarts(&l)
		var kept websockets.Client
		d := &testGateway{subs: []websockets.Subscription{websockets.On("cart", func(ctx context.Context, _ int) (string, error) { return carts.Of(ctx) })}}
		d.leave = func(ctx context.Context, c websockets.Client, _ websockets.Reason) {
			kept = c
			cart, err := carts.Of(ctx)
			l.note(fmt.Sprint("left ", cart, err))
			userKey.Set(c, "still")
		}
		k := newTestRuntime(t, d)
		p := k.dial()
		for range 2 {
			p.ask("cart", "1")
		}
		synctest.Wait()
		l.want(t, "open peer-1")
		p.sess.Closed(websockets.Reason{})
		synctest.Wait()
		l.want(t, "open peer-1", "left cart of peer-1<nil>", "shut cart of peer-1")
		if _, err := carts.For(t.Context(), kept); !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("of a client that is gone: %v", err)
		}
		if v, ok := userKey.Get(kept); ok {
			t.Errorf("a client that is gone has %q", v)
		}
		userKey.Set(kept, "again")
		if v, ok := userKey.Get(kept); ok {
			t.Errorf("a client that is gone was given %q", v)
		}
		if _, err := carts.Of(t.Context()); !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("of no client: %v", err)
		}
	})
}

func TestScopedFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		errNotYet := errors.New("not yet")
		s := websockets.NewScoped(func(context.Context, websockets.Client) (int, error) {
			if tries++; tries == 1 {
				return 0, errNotYet
			}
			return 7, nil
		}, nil)
		k := newTestRuntime(t, &testGateway{connect: func(ctx context.Context, _ websockets.Client) error {
			if _, err := s.Of(ctx); !errors.Is(err, errNotYet) {
				t.Errorf("first: %v", err)
			}
			for range 2 {
				if v, err := s.Of(ctx); v != 7 || err != nil {
					t.Errorf("then: %d, %v", v, err)
				}
			}
			return nil
		}})
		k.dial().sess.Closed(websockets.Reason{})
		synctest.Wait()
		if tries != 2 {
			t.Errorf("opened %d times", tries)
		}
	})
}

// The scoped instance of a suspended client is kept until the client resumes, and closed if it does not.
func TestScopedAndRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l till
		carts := newCarts(&l)
		k := newTestRuntime(t, &testGateway{connect: func(ctx context.Context, c websockets.Client) error {
			_, err := carts.Of(ctx)
			l.note(fmt.Sprint("connected ", c.Recovered()))
			return err
		}})
		p := k.dial()
		kept := p.sess.Suspend(websockets.Reason{})
		synctest.Wait()
		back := newPeer(p.id)
		h := k.handshake("/")
		back.is(kept.Resume(back, h))
		synctest.Wait()
		l.want(t, "open peer-1", "connected false", "connected true")
		gone := back.sess.Suspend(websockets.Reason{})
		synctest.Wait()
		l.want(t, "open peer-1", "connected false", "connected true")
		gone.Drop()
		synctest.Wait()
		l.want(t, "open peer-1", "connected false", "connected true", "shut cart of peer-1")
	})
}
