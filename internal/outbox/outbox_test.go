package outbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a writer that can be blocked.
type sink struct {
	mu  sync.Mutex
	got []string
	// batches counts the writes
	batches int
	gate    chan struct{} // one token lets one write through; nil lets all
	err     error
}

func (s *sink) write(items []string) error {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.got = append(s.got, items...)
	s.batches++
	return nil
}

func (s *sink) items() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func push(t *testing.T, q *Queue[string], item string, p Policy, want error) {
	t.Helper()
	if err := q.Push(item, len(item), p); !errors.Is(err, want) {
		t.Fatalf("Push(%q): %v, want %v", item, err, want)
	}
}

func wantItems(t *testing.T, s *sink, want ...string) {
	t.Helper()
	if got := s.items(); !slices.Equal(got, want) {
		t.Fatalf("written %q, want %q", got, want)
	}
}

func TestOrderAndWriterEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		q := New(10, 10, &Pool[string]{}, s.write)
		push(t, q, "a", Refuse, nil)
		push(t, q, "b", Refuse, nil)
		push(t, q, "c", Refuse, nil)
		synctest.Wait()
		wantItems(t, s, "a", "b", "c")
		if q.Bytes() != 0 || q.writer != idle || q.slab != nil {
			t.Fatal("an idle queue keeps a writer or memory")
		}
		push(t, q, "d", Refuse, nil) // a new writer
		synctest.Wait()
		wantItems(t, s, "a", "b", "c", "d")
		q.Close(false)
		<-q.Done()
	})
}

func TestBoundCountsWhatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(4, 4, &Pool[string]{}, s.write)
		push(t, q, "aa", Refuse, nil)
		synctest.Wait() // in the hands of the writer
		push(t, q, "bb", Refuse, nil)
		push(t, q, "c", Refuse, ErrFull)
		push(t, q, "c", DropNewest, ErrFull)
		push(t, q, "c", DropOldest, ErrFull) // nothing droppable waits
		if q.Bytes() != 4 {
			t.Fatalf("Bytes is %d", q.Bytes())
		}
		close(s.gate)
		synctest.Wait()
		wantItems(t, s, "aa", "bb")
		q.Close(false)
	})
}

func TestOversizedItemAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(2, 2, &Pool[string]{}, s.write)
		push(t, q, "larger", Refuse, nil)
		push(t, q, "x", Refuse, ErrFull)
		close(s.gate)
		synctest.Wait()
		push(t, q, "x", Refuse, nil)
		synctest.Wait()
		wantItems(t, s, "larger", "x")
		q.Close(false)
	})
}

func TestDropOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(8, 8, &Pool[string]{}, s.write)
		push(t, q, "w1", DropOldest, nil)
		synctest.Wait() // being written: cannot be dropped any more
		push(t, q, "r1", Refuse, nil)
		push(t, q, "d1", DropNewest, nil)
		push(t, q, "d2", DropOldest, nil)
		push(t, q, "d3", DropOldest, nil)        // d1 goes
		push(t, q, "toolong", Refuse, ErrFull)   // Refuse drops nothing
		push(t, q, "abcde", DropOldest, ErrFull) // would not fit without d2 and d3 either
		close(s.gate)
		synctest.Wait()
		wantItems(t, s, "w1", "r1", "d2", "d3")
		q.Close(false)
	})
}

func TestDropOldestDropsAsFewAsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(6, 6, &Pool[string]{}, s.write)
		for _, it := range []string{"w", "a", "b", "c", "d", "e"} {
			push(t, q, it, DropOldest, nil)
			synctest.Wait()
		}
		push(t, q, "XY", DropOldest, nil)
		close(s.gate)
		synctest.Wait()
		wantItems(t, s, "w", "c", "d", "e", "XY")
		q.Close(false)
	})
}

func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(10, 10, &Pool[string]{}, s.write)
		push(t, q, "a", Refuse, nil)
		push(t, q, "b", Refuse, nil)
		q.Close(false)
		q.Close(false)
		push(t, q, "c", Refuse, ErrClosed)
		if err := q.Writable(t.Context()); !errors.Is(err, ErrClosed) {
			t.Fatalf("Writable: %v", err)
		}
		select {
		case <-q.Done():
			t.Fatal("done before it was written")
		default:
		}
		close(s.gate)
		<-q.Done()
		wantItems(t, s, "a", "b")
	})
}

func TestCloseDiscards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(10, 10, &Pool[string]{}, s.write)
		push(t, q, "a", Refuse, nil)
		synctest.Wait()
		push(t, q, "b", Refuse, nil)
		q.Close(false)
		q.Close(true) // drained long enough
		if q.Bytes() != 1 {
			t.Fatalf("Bytes is %d, want that of the item being written", q.Bytes())
		}
		close(s.gate)
		<-q.Done()
		wantItems(t, s, "a")
		if q.Bytes() != 0 {
			t.Fatalf("Bytes is %d", q.Bytes())
		}
	})
}

func TestCloseIdle(t *testing.T) {
	q := New(1, 1, &Pool[string]{}, (&sink{}).write)
	q.Close(true)
	<-q.Done()
	q.Close(false)
}

func TestWriteError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		s := &sink{gate: make(chan struct{}), err: boom}
		q := New(4, 4, &Pool[string]{}, s.write)
		push(t, q, "aa", Refuse, nil)
		push(t, q, "bb", Refuse, nil)
		waited := make(chan error)
		go func() { waited <- q.Writable(context.Background()) }()
		synctest.Wait()
		s.gate <- struct{}{}
		if err := <-waited; !errors.Is(err, ErrClosed) {
			t.Fatalf("Writable: %v", err)
		}
		<-q.Done()
		push(t, q, "c", Refuse, ErrClosed)
		if q.Bytes() != 0 {
			t.Fatalf("Bytes %d", q.Bytes())
		}
		q.Close(true)
	})
}

func TestWritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(4, 4, &Pool[string]{}, s.write)
		if err := q.Writable(t.Context()); err != nil {
			t.Fatal(err)
		}
		push(t, q, "a", Refuse, nil)
		synctest.Wait()
		push(t, q, "bb", Refuse, nil)
		push(t, q, "c", Refuse, nil)
		const waiters = 3
		done := make(chan error, waiters)
		for range waiters {
			go func() { done <- q.Writable(context.Background()) }()
		}
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("woke with more than half of the queue in use")
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := q.Writable(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Writable: %v", err)
		}
		s.gate <- struct{}{} // the first
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("woke with more than half of the queue in use")
		}
		s.gate <- struct{}{} // the other two, at once
		for range waiters {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		close(s.gate)
		q.Close(false)
		<-q.Done()
	})
}

// Whatever happens at once: the bound holds, order holds, and every accepted
// item that may not be dropped is written.
func TestConcurrent(t *testing.T) {
	const writers, each, limit = 8, 500, 64
	type item struct{ from, n int }
	var q *Queue[item]
	last := make([]int, writers)
	var written int
	q = New(limit, limit, &Pool[item]{}, func(items []item) error {
		if q.Bytes() > limit {
			t.Errorf("%d bytes wait, the limit is %d", q.Bytes(), limit)
		}
		for _, it := range items {
			if it.n <= last[it.from] {
				t.Errorf("writer %d: %d came after %d", it.from, it.n, last[it.from])
			}
			last[it.from] = it.n
			written++
		}
		return nil
	})
	var wg sync.WaitGroup
	for from := range writers {
		wg.Go(func() {
			for n := 1; n <= each; {
				if q.Push(item{from, n}, 1+rand.IntN(16), Refuse) == nil {
					n++
				} else if err := q.Writable(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	q.Close(false)
	<-q.Done()
	if written != writers*each {
		t.Errorf("written %d, want %d", written, writers*each)
	}
}

// Items that arrive during a write go out in one batch.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(1<<20, 1<<20, &Pool[string]{}, s.write)
		push(t, q, "first", Refuse, nil)
		synctest.Wait()
		for range 3 * batchItems / 2 {
			push(t, q, "x", Refuse, nil)
		}
		close(s.gate)
		synctest.Wait()
		if len(s.got) != 1+3*batchItems/2 || s.batches != 3 {
			t.Errorf("%d items in %d writes, want 193 in 3", len(s.got), s.batches)
		}
		q.Close(false)
	})
}

func TestPull(t *testing.T) {
	s := &sink{}
	q := New(6, 6, &Pool[string]{}, nil)
	push(t, q, "volatile", Volatile, ErrFull) // nothing can send it
	ready := q.Ready()
	push(t, q, "v", Volatile, nil)
	<-ready
	push(t, q, "ab", Refuse, nil)
	items, size, _ := q.Take(nil, 1<<20)
	if !slices.Equal(items, []string{"v", "ab"}) || size != 3 || q.Bytes() != 3 {
		t.Fatalf("took %q, %d bytes, %d count", items, size, q.Bytes())
	}
	push(t, q, "cdef", Refuse, ErrFull) // what was taken still counts
	push(t, q, "cd", Refuse, nil)
	q.Sent(size)
	<-q.Ready() // "cd" waits already
	select {
	case <-q.Done():
		t.Fatal("done while it is open")
	default:
	}
	q.Start(s.write) // the rest is pushed
	q.Close(false)
	<-q.Done()
	wantItems(t, s, "cd")
	if items, _, _ := q.Take(nil, 1<<20); len(items) != 0 {
		t.Errorf("took %q beside the writer", items)
	}
}

func TestPullUntilClosed(t *testing.T) {
	q := New(6, 6, &Pool[string]{}, nil)
	push(t, q, "a", Refuse, nil)
	<-q.Ready()
	items, size, _ := q.Take(nil, 1<<20)
	ready := q.Ready()
	q.Close(false)
	<-ready
	select {
	case <-q.Done():
		t.Fatal("done before what was taken is sent")
	default:
	}
	q.Sent(size)
	<-q.Done()
	if len(items) != 1 {
		t.Errorf("took %q", items)
	}
	q = New(6, 6, &Pool[string]{}, nil)
	push(t, q, "a", Refuse, nil)
	q.Close(true)
	<-q.Done()
	if items, _, _ := q.Take(nil, 1<<20); len(items) != 0 {
		t.Errorf("took %q after discarding", items)
	}
}

// After CancelReady, volatile items are not accepted.
func TestCancelReady(t *testing.T) {
	q := New(6, 6, &Pool[string]{}, nil)
	_ = q.Ready()
	q.CancelReady()
	push(t, q, "v", Volatile, ErrFull)
	<-func() <-chan struct{} { push(t, q, "a", Refuse, nil); return q.Ready() }()
	q.Close(true)
}

// A queue that is never empty keeps no more memory than its items need.
func TestNeverEmpty(t *testing.T) {
	q := New(1<<20, 1<<20, &Pool[string]{}, nil)
	var s slab[string]
	for range 100_000 {
		s.entries = append(s.entries, entry[string]{item: "x", size: 1}, entry[string]{item: "y", size: 1})
		if len(s.entries)-s.head > 100 {
			s.take(nil, batchItems, batchBytes)
		}
	}
	if cap(s.entries) > 8*pooledEntries {
		t.Errorf("room for %d entries", cap(s.entries))
	}
	q.Close(true)
}
