package outbox

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestCork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		q := New(1<<20, 1<<20, &Pool[string]{}, s.write)
		q.Cork()
		push(t, q, "a", Refuse, nil)
		push(t, q, "b", Refuse, nil)
		synctest.Wait()
		wantItems(t, s)
		q.Uncork(true)
		wantItems(t, s, "a", "b") // when Uncork has returned
		if s.batches != 1 {
			t.Errorf("%d writes, want 1", s.batches)
		}
		q.Uncork(true)
		push(t, q, "c", Refuse, nil)
		synctest.Wait()
		wantItems(t, s, "a", "b", "c")

		q.Cork()
		push(t, q, "d", Refuse, nil)
		q.Uncork(false)
		synctest.Wait()
		wantItems(t, s, "a", "b", "c", "d")
		q.Cork()
		q.Uncork(true)
		q.Close(false)
		<-q.Done()
	})
}

// Cork ends by itself when much waits, and does not affect what is being sent.
func TestCorkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		q := New(1<<20, 1<<20, &Pool[string]{}, s.write)
		q.Cork()
		large := strings.Repeat("x", corkBytes)
		push(t, q, large, Refuse, nil)
		synctest.Wait()
		wantItems(t, s)
		push(t, q, "more", Refuse, nil)
		synctest.Wait()
		wantItems(t, s, large, "more")

		small := &sink{}
		q2 := New(4, 4, &Pool[string]{}, small.write)
		q2.Cork()
		push(t, q2, "1234", Refuse, nil)
		if err := q2.Writable(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantItems(t, small, "1234")

		held := &sink{gate: make(chan struct{})}
		q3 := New(1<<20, 1<<20, &Pool[string]{}, held.write)
		push(t, q3, "a", Refuse, nil)
		synctest.Wait()
		q3.Cork()
		push(t, q3, "b", Refuse, nil)
		held.gate <- struct{}{}
		held.gate <- struct{}{} // the writer continues with what was pushed after
		synctest.Wait()
		wantItems(t, held, "a", "b")
	})
}

// Volatile items go out with what waits for Uncork, because nothing is being sent; with what the writer sends they do not.
func TestCorkAndVolatile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(1<<20, 1<<20, &Pool[string]{}, s.write)
		q.Cork()
		push(t, q, "a", Refuse, nil)
		push(t, q, "v1", Volatile, nil)
		push(t, q, "v2", Volatile, nil)
		large := strings.Repeat("x", corkBytes)
		push(t, q, large, Volatile, nil)
		push(t, q, "lost", Volatile, ErrFull) // the writer sends these
		close(s.gate)
		synctest.Wait()
		wantItems(t, s, "a", "v1", "v2", large)
		q.Uncork(true)

		small := &sink{}
		q2 := New(4, 4, &Pool[string]{}, small.write)
		q2.Cork()
		push(t, q2, "12", Volatile, nil)
		push(t, q2, "345", Volatile, ErrFull) // more than may wait
		q2.Uncork(true)
		wantItems(t, small, "12")
		q.Close(false)
		q2.Close(false)
		<-q.Done()
		<-q2.Done()
	})
}

// A queue that is closed while corked sends its items, or drops them.
func TestCorkAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, discard := range []bool{false, true} {
			s := &sink{}
			q := New(1<<20, 1<<20, &Pool[string]{}, s.write)
			q.Cork()
			push(t, q, "a", Refuse, nil)
			q.Close(discard)
			q.Uncork(true)
			<-q.Done()
			if discard {
				wantItems(t, s)
			} else {
				wantItems(t, s, "a")
			}
		}
	})
}

// Before Start, Cork does nothing.
func TestCorkIsForWriters(t *testing.T) {
	q := New[string](1<<20, 1<<20, &Pool[string]{}, nil)
	q.Cork()
	push(t, q, "a", Refuse, nil)
	if items, _, _ := q.Take(nil, 1<<20); len(items) != 1 {
		t.Errorf("took %q", items)
	}
	q.Uncork(true)
}

// Two goroutines cork: what the first has pushed is sent when the second uncorks, at the
// latest, also when nothing is pushed any more.
func TestCorkTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		q := New(1<<20, 1<<20, &Pool[string]{}, s.write)
		q.Cork()
		push(t, q, "a", Refuse, nil)
		q.Cork()
		q.Close(false)
		q.Uncork(false)
		q.Uncork(true)
		<-q.Done()
		wantItems(t, s, "a")
	})
}

// Nothing that is pushed while others cork and uncork waits for good.
func TestCorkConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const goroutines, rounds = 4, 500
		var sent atomic.Int64
		q := New(1<<20, 1<<20, &Pool[int]{}, func(items []int) error {
			sent.Add(int64(len(items)))
			return nil
		})
		q.Direct(func(i int) bool {
			if i%3 == 0 {
				sent.Add(1)
			}
			return i%3 == 0
		}, func([]int) bool { return false })
		for g := range goroutines {
			go func() {
				for i := range rounds {
					if g%2 == 0 {
						q.Cork()
					}
					if err := q.Push(i, 1, Refuse); err != nil {
						t.Error(err)
					}
					if g%2 == 0 {
						q.Uncork(i%2 == 0)
					}
				}
			}()
		}
		synctest.Wait()
		if n := sent.Load(); n != goroutines*rounds || q.Len() != 0 {
			t.Errorf("%d of %d items were sent, %d wait", n, goroutines*rounds, q.Len())
		}
		q.Close(false)
		<-q.Done()
	})
}

// BenchmarkTurn is what the queue costs a message that is answered.
func BenchmarkTurn(b *testing.B) {
	q := New(1<<20, 1<<20, &Pool[int]{}, func([]int) error { return nil })
	done, cancel := context.WithCancel(b.Context())
	cancel()
	b.ReportAllocs()
	for b.Loop() {
		q.Cork()
		_ = q.Writable(done)
		_ = q.Push(1, 1, Always)
		_ = q.Writable(done)
		q.Uncork(true)
	}
}
