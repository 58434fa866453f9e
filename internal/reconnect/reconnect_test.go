package reconnect

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// service makes sessions, unless it is down.
type service struct {
	mu       sync.Mutex
	down     error
	sessions []*session
}

func (s *service) set(down error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *service) dial() (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return nil, s.down
	}
	x := &session{ended: make(chan struct{})}
	s.sessions = append(s.sessions, x)
	return x, nil
}

type session struct {
	channels []string
	err      error
	ended    chan struct{}
}

func (s *session) Subscribe(_ context.Context, channels []string) error {
	s.channels = append(s.channels, channels...)
	return nil
}

func (s *session) Ended() error {
	select {
	case <-s.ended:
		return s.err
	default:
		return nil
	}
}

func (s *session) Abort(err error) {
	s.err = err
	close(s.ended)
}

func (s *session) Wait() error {
	<-s.ended
	return s.err
}

// framework records the state of the link.
type framework struct {
	backplane.Inbound

	up, lost atomic.Bool
}

func (f *framework) Link(up, lost bool, _ error) {
	f.up.Store(up)
	f.lost.Store(lost)
}

var errDown = errors.New("the service is down")

// A session that has ended is replaced by one with the same channels, and what needs one waits for
// it; after Stop nothing runs and nothing waits.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc, f := &service{}, &framework{}
		l := New(Config[*session]{Name: "test", Target: "test at nowhere", Dial: svc.dial, Timeout: time.Second})
		if _, err := l.Session(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("before Start: %v", err)
		}
		if _, err := l.Want([]string{"a", "b"}, nil); !errors.Is(err, ErrStopped) {
			t.Errorf("Want before Start: %v", err)
		}
		starts := 0
		if err := l.Start(t.Context(), f, func() { starts++ }); err != nil {
			t.Fatal(err)
		}
		if err := l.Start(t.Context(), f, func() { starts++ }); err == nil || starts != 1 {
			t.Errorf("second Start: %v, it has started %d times", err, starts)
		}
		s, err := l.Want([]string{"c"}, []string{"b"})
		if err != nil || s != svc.sessions[0] || !f.up.Load() || f.lost.Load() {
			t.Fatalf("session %v, error %v, up %t, lost %t", s, err, f.up.Load(), f.lost.Load())
		}

		svc.set(errDown)
		s.Abort(errDown) // run has not noticed
		if _, err := l.Want(nil, nil); !errors.Is(err, ErrNotConnected) || !errors.Is(err, errDown) {
			t.Errorf("Want without a session: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Session(ctx); !errors.Is(err, ErrNotConnected) || !errors.Is(err, errDown) || f.up.Load() {
			t.Errorf("Session while the service is down: %v, up %t", err, f.up.Load())
		}

		svc.set(nil)
		next, err := l.Session(t.Context())
		synctest.Wait() // the framework is informed when there is a session already
		if err != nil || next == s || !f.up.Load() || !f.lost.Load() {
			t.Fatalf("session %v, error %v, up %t, lost %t", next, err, f.up.Load(), f.lost.Load())
		}
		if slices.Sort(next.channels); !slices.Equal(next.channels, []string{"a", "c"}) {
			t.Errorf("channels %q", next.channels)
		}

		context.AfterFunc(l.Context(), func() { next.Abort(ErrStopped) }) // as the sessions of engines do
		if err := l.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := l.Session(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
	})
}

// Start returns why there is no session, and Stop while a session does not end, with an error.
func TestLoopDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := &service{down: errDown}
		l := New(Config[*session]{Name: "test", Target: "test at nowhere", Dial: svc.dial})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := l.Start(ctx, &framework{}, func() {}); !errors.Is(err, ErrNotConnected) || !errors.Is(err, errDown) {
			t.Errorf("Start: %v", err)
		}
		svc.set(nil)
		s, err := l.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop: %v", err)
		}
		s.Abort(errDown)
		if err := l.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
