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

// sink is a writer that can be held.
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
		if q.Bytes() != 0 || q.writing || q.slab != nil {
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
		if q.Err() != nil {
			t.Fatal(q.Err())
		}
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
		if !errors.Is(q.Err(), boom) || q.Bytes() != 0 {
			t.Fatalf("Err %v, Bytes %d", q.Err(), q.Bytes())
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

// What waits while a write is under way goes out in one.
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
	push(t, q, "volatile", Volatile, ErrFull) // nobody is there to send it
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

// Forgo: who stops waiting does not count as able to send.
func TestForgo(t *testing.T) {
	q := New(6, 6, &Pool[string]{}, nil)
	_ = q.Ready()
	q.Forgo()
	push(t, q, "v", Volatile, ErrFull)
	<-func() <-chan struct{} { push(t, q, "a", Refuse, nil); return q.Ready() }()
	q.Close(true)
}

// A queue that is never empty keeps no more memory than what waits.
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

// Refuse fills the queue up to Max, the dropping policies up to Limit, and Always
// is never refused.
func TestTwoBounds(t *testing.T) {
	s := &sink{}
	q := New(4, 8, &Pool[string]{}, nil)
	push(t, q, "abcd", Refuse, nil)
	push(t, q, "e", DropNewest, ErrFull)
	push(t, q, "e", DropOldest, ErrFull)
	push(t, q, "e", Volatile, ErrFull)
	if q.Pressed() {
		t.Error("a queue at its limit is pressed")
	}
	push(t, q, "efgh", Refuse, nil)
	push(t, q, "i", Refuse, ErrFull)
	push(t, q, "ijkl", Always, nil)
	if !q.Pressed() || q.Bytes() != 12 {
		t.Errorf("pressed is %v with %d bytes", q.Pressed(), q.Bytes())
	}
	q.Start(s.write)
	q.Close(false)
	<-q.Done()
	wantItems(t, s, "abcd", "efgh", "ijkl")
}

// A caller of Writable presses a queue that is not over its limit. With a context
// that is done, Writable does not block and leaves nothing behind.
func TestPressedByWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(4, 8, &Pool[string]{}, nil)
		push(t, q, "abc", Refuse, nil)
		done, cancel := context.WithCancel(context.Background())
		cancel()
		if err := q.Writable(done); !errors.Is(err, context.Canceled) {
			t.Errorf("Writable: %v", err)
		}
		if q.Pressed() || q.room != nil {
			t.Error("pressed, and nobody waits")
		}
		waited := make(chan error)
		go func() { waited <- q.Writable(context.Background()) }()
		synctest.Wait()
		if !q.Pressed() {
			t.Error("not pressed while a caller waits")
		}
		_, size, _ := q.Take(nil, 10)
		q.Sent(size)
		if err := <-waited; err != nil || q.Pressed() {
			t.Errorf("Writable: %v; pressed is %v", err, q.Pressed())
		}
		q.Close(true)
	})
}

// Take returns at most so many bytes, and Recount changes what counts for them.
func TestTakeInParts(t *testing.T) {
	q := New(100, 100, &Pool[string]{}, nil)
	for _, it := range []string{"abcdef", "gh", "ij", "kl"} {
		push(t, q, it, Refuse, nil)
	}
	for _, want := range []struct {
		items []string
		more  bool
	}{{[]string{"abcdef"}, true}, {[]string{"gh", "ij"}, true}, {[]string{"kl"}, false}, {nil, false}} {
		items, size, more := q.Take(nil, 4)
		if !slices.Equal(items, want.items) || more != want.more {
			t.Fatalf("took %q, more %v, want %q, %v", items, more, want.items, want.more)
		}
		before := q.Bytes()
		q.Recount(size, size+3)
		if q.Bytes() != before+3 {
			t.Errorf("%d bytes count, want %d", q.Bytes(), before+3)
		}
		q.Sent(size + 3)
	}
	if q.Bytes() != 0 {
		t.Errorf("%d bytes are left", q.Bytes())
	}
	q.Close(false)
}

// Whatever is pushed, taken and dropped: the slab keeps order and the sums, and looks
// at each entry a bounded number of times.
func TestSlabAgainstModel(t *testing.T) {
	type item struct{ n, size int }
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		q := New(3000, 6000, &Pool[item]{}, nil)
		type waiting struct {
			item
			drop bool
		}
		var model []waiting
		sum := func() (all, drop int) {
			for _, w := range model {
				all += w.size
				if w.drop {
					drop += w.size
				}
			}
			return all, drop
		}
		for n := range 5000 {
			if rnd.IntN(8) == 0 {
				items, size, more := q.Take(nil, rnd.IntN(2000))
				for i, it := range items {
					if it != model[i].item {
						t.Fatalf("seed %d: took %v, want %v", seed, it, model[i].item)
					}
				}
				model = model[len(items):]
				q.Sent(size)
				if more != (len(model) > 0) {
					t.Fatalf("seed %d: more is %v with %d waiting", seed, more, len(model))
				}
				continue
			}
			it := item{n, 1 + rnd.IntN(40)}
			p := []Policy{Refuse, DropNewest, DropOldest, Always}[rnd.IntN(4)]
			all, drop := sum()
			accept := all == 0 || p == Always ||
				p == Refuse && all+it.size <= 6000 ||
				p == DropNewest && all+it.size <= 3000 ||
				p == DropOldest && (all == drop || all-drop+it.size <= 3000)
			if p == Always && all > 8000 {
				continue
			}
			if err := q.Push(it, it.size, p); (err == nil) != accept {
				t.Fatalf("seed %d: push %d: %v, want accepted %v", seed, n, err, accept)
			}
			if !accept {
				continue
			}
			if p == DropOldest {
				for i := 0; all > 0 && all+it.size > 3000; {
					if !model[i].drop {
						i++
						continue
					}
					all -= model[i].size
					model = slices.Delete(model, i, i+1)
				}
			}
			model = append(model, waiting{it, p == DropNewest || p == DropOldest})
			if all, drop := sum(); q.Bytes() != all || q.slab.droppable != drop || q.Len() != len(model) {
				t.Fatalf("seed %d: %d bytes, %d droppable, %d items; want %d, %d, %d", seed, q.Bytes(), q.slab.droppable, q.Len(), all, drop, len(model))
			}
		}
		q.Close(true)
	}
}

// BenchmarkDropOldest pushes to a full queue of 10,000 items.
func BenchmarkDropOldest(b *testing.B) {
	q := New(10_000, 10_000, &Pool[int]{}, nil)
	for b.Loop() {
		if err := q.Push(1, 1, DropOldest); err != nil {
			b.Fatal(err)
		}
	}
	q.Close(true)
}
