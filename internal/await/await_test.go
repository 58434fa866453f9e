package await

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBoom = errors.New("boom")

func TestResults(t *testing.T) {
	w := New(t.Context())
	if err := w.Call(func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
	if err := w.Call(func(context.Context) error { return errBoom }); err != errBoom {
		t.Error(err)
	}
	if err := w.Call(func(context.Context) error { panic(errBoom) }); err.Error() != "panic: boom" {
		t.Error(err)
	}
	err := w.Call(func(context.Context) error { runtime.Goexit(); return nil })
	if !errors.Is(err, recovered.ErrExited) {
		t.Error(err)
	}
}

// Functions that ignore their context are left behind, and the sum of the times is bounded.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w, release, started := New(ctx), make(chan struct{}), time.Now()
		defer close(release)
		stuck := func(context.Context) error { <-release; return nil }
		for _, want := range []time.Duration{11 * time.Second, 12 * time.Second, 13 * time.Second, 14 * time.Second, 15 * time.Second, 15010 * time.Millisecond, 15020 * time.Millisecond} {
			err := w.Call(stuck)
			if !errors.Is(err, ErrStuck) || !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if took := time.Since(started); took != want {
				t.Errorf("after %v, want %v", took, want)
			}
		}
		if err := w.Call(func(ctx context.Context) error { return ctx.Err() }); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrStuck) {
			t.Error(err)
		}
	})
}

// A function that returns when its context ends is not stuck.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := New(ctx).Call(func(ctx context.Context) error {
			<-ctx.Done()
			<-time.After(Late / 2)
			return errBoom
		})
		if !errors.Is(err, errBoom) {
			t.Error(err)
		}
	})
}

func TestDone(t *testing.T) {
	for name, tt := range map[string]struct {
		after  time.Duration // when done is closed
		want   bool
		cancel bool
		took   time.Duration
	}{
		"in time": {time.Second, true, false, time.Second},
		"late":    {time.Minute + Late/2, true, true, time.Minute + Late/2},
		"stuck":   {time.Hour, false, true, time.Minute + Late},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				done, canceled, started := make(chan struct{}), false, time.Now()
				defer time.AfterFunc(tt.after, func() { close(done) }).Stop()
				got := Done(ctx, done, func() { canceled = true })
				if took := time.Since(started); got != tt.want || canceled != tt.cancel || took != tt.took {
					t.Errorf("%v after %v, canceled: %v", got, took, canceled)
				}
			})
		})
	}
}
