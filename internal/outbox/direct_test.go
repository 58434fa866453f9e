package outbox

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// socket takes items directly while it is open.
type socket struct {
	full   bool
	got    []string
	single int // sends of one
	many   int // sends of several
}

func (s *socket) queue(sink *sink) *Queue[string] {
	q := New(1<<20, 1<<20, &Pool[string]{}, sink.write)
	q.Direct(
		func(item string) bool {
			if !s.full {
				s.single++
				s.got = append(s.got, item)
			}
			return !s.full
		},
		func(items []string) bool {
			if !s.full {
				s.many++
				s.got = append(s.got, items...)
			}
			return !s.full
		})
	return q
}

// Items that follow each other at once are sent together after the first, in order and without an Uncork.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s socket
		q := s.queue(&sink{})
		var want []string
		for i := range 10_000 {
			want = append(want, fmt.Sprint(i))
			push(t, q, want[i], Refuse, nil)
		}
		synctest.Wait()
		if !slices.Equal(s.got, want) {
			t.Errorf("%d items arrived, or in another order", len(s.got))
		}
		if s.single != 1 || s.many > 9000 {
			t.Errorf("%d items were sent alone, and the others in %d sends", s.single, s.many)
		}
		<-time.After(burstGap) // by the clock of the bubble
		push(t, q, "later", Refuse, nil)
		if s.single != 2 {
			t.Error("an item after the burst was not sent at once")
		}
		q.Close(false)
		<-q.Done()
	})
}

// A burst changes nothing for the policies: what is free to be sent does not count as waiting.
func TestPoliciesInBurst(t *testing.T) {
	for _, p := range []Policy{Volatile, DropNewest, DropOldest, Refuse} {
		synctest.Test(t, func(t *testing.T) {
			var s socket
			q := s.queue(&sink{})
			q.limit, q.max = 10, 10
			for range 100 {
				push(t, q, "1234", p, nil)
			}
			synctest.Wait()
			if len(s.got) != 100 {
				t.Errorf("policy %d: %d of 100 items were sent", p, len(s.got))
			}
			q.Close(false)
			<-q.Done()
		})
	}
}

// When the socket is full, the writer sends what has gathered; volatile items are dropped.
func TestBurstIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s socket
		to := &sink{gate: make(chan struct{})}
		q := s.queue(to)
		push(t, q, "direct", Refuse, nil)
		push(t, q, "a", Refuse, nil)
		s.full = true
		push(t, q, "b", Refuse, nil)
		push(t, q, "lost", Volatile, ErrFull)
		synctest.Wait() // the writer waits at the gate
		push(t, q, "c", Refuse, nil)
		close(to.gate)
		synctest.Wait()
		wantItems(t, to, "a", "b", "c")
		if q.Len() != 0 || q.Bytes() != 0 {
			t.Errorf("%d items wait", q.Len())
		}
		q.Close(false)
		<-q.Done()
	})
}

// A burst that is large does not wait for the other goroutine.
func TestBurstIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s socket
		q := s.queue(&sink{})
		item := strings.Repeat("x", 1000)
		for range 1000 {
			push(t, q, item, DropNewest, nil)
			if n := q.Bytes(); n > burstBytes {
				t.Fatalf("%d bytes wait", n)
			}
		}
		q.Close(false)
		<-q.Done()
	})
}

// A Hold, a Cork, and the end of a queue during a burst lose nothing.
func TestBurstAmongOthers(t *testing.T) {
	for name, do := range map[string]func(q *Queue[string]){
		"hold":    func(q *Queue[string]) { q.Hold(); synctest.Wait(); q.Release() },
		"cork":    func(q *Queue[string]) { q.Cork(); synctest.Wait(); q.Uncork(true) },
		"close":   func(q *Queue[string]) { q.Close(false) },
		"discard": func(q *Queue[string]) { q.Close(true) },
	} {
		synctest.Test(t, func(t *testing.T) {
			var s socket
			to := &sink{}
			q := s.queue(to)
			push(t, q, "a", Refuse, nil)
			push(t, q, "b", Refuse, nil)
			do(q)
			if err := q.Push("c", 1, Refuse); (err == nil) != (name == "hold" || name == "cork") {
				t.Errorf("%s: %v", name, err)
			}
			q.Close(false)
			<-q.Done()
			synctest.Wait()
			want := map[string]string{"hold": "abc", "cork": "abc", "close": "ab", "discard": "a"}[name]
			if got := strings.Join(append(s.got, to.got...), ""); got != want {
				t.Errorf("%s: %q were sent, want %q", name, got, want)
			}
		})
	}
}

// Goroutines that push, cork and hold at the same time lose nothing.
func TestBurstConcurrently(t *testing.T) {
	const goroutines, items = 4, 5000
	var sent atomic.Int64
	q := New(1<<20, 1<<20, &Pool[int]{}, func(items []int) error { sent.Add(int64(len(items))); return nil })
	take := func(n int, ok bool) bool {
		if ok {
			sent.Add(int64(n))
		}
		return ok
	}
	q.Direct(func(i int) bool { return take(1, i%7 > 0) }, func(items []int) bool { return take(len(items), items[0]%5 > 0) })
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range items {
				switch {
				case g == 0 && i%10 == 0:
					q.Cork()
					defer q.Uncork(true)
				case g == 1 && i%10 == 0:
					q.Hold()
					defer q.Release()
				}
				if err := q.Push(i, 1, Refuse); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	q.Close(false)
	<-q.Done()
	if sent.Load() != goroutines*items {
		t.Errorf("%d of %d were sent", sent.Load(), goroutines*items)
	}
}

// BenchmarkBurst is what the queue costs an item of a burst.
func BenchmarkBurst(b *testing.B) {
	q := New(1<<20, 1<<20, &Pool[int]{}, func([]int) error { return nil })
	q.Direct(func(int) bool { return true }, func([]int) bool { return true })
	b.ReportAllocs()
	for b.Loop() {
		_ = q.Push(1, 1, Refuse)
	}
}
