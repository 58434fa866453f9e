package outbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
)

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
			t.Error("pressed without a waiting caller")
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

// Take returns at most the given bytes, and Recount changes their size.
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

// Whatever is pushed, taken and dropped, the slab keeps order and sums, and visits each
// entry a bounded number of times.
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
