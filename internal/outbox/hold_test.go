package outbox

import (
	"testing"
	"testing/synctest"
)

// What is pushed during a Hold leaves the queue after Release, also when the writer runs, when
// the queue is corked, and when a function sends directly.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		q := New(1<<20, 1<<20, &Pool[string]{}, s.write)
		push(t, q, "being sent", Refuse, nil)
		synctest.Wait()
		q.Hold()
		push(t, q, "a", Refuse, nil)
		close(s.gate)
		synctest.Wait()
		wantItems(t, s, "being sent")
		q.Hold() // they add up
		q.Release()
		synctest.Wait()
		wantItems(t, s, "being sent")
		q.Cork()
		q.Uncork(true)
		wantItems(t, s, "being sent")
		q.Release()
		synctest.Wait()
		wantItems(t, s, "being sent", "a")

		direct := 0
		q.Direct(func(string) bool { direct++; return true }, func([]string) bool { direct++; return true })
		q.Hold()
		push(t, q, "b", Refuse, nil)
		q.Cork()
		q.Release()
		synctest.Wait()
		wantItems(t, s, "being sent", "a", "b") // it had not been corked
		if direct != 0 {
			t.Error("sent directly during a Hold")
		}
		q.Uncork(true)
		q.Hold()
		push(t, q, "c", Refuse, nil)
		q.Close(false)
		synctest.Wait()
		wantItems(t, s, "being sent", "a", "b")
		q.Release()
		<-q.Done()
		wantItems(t, s, "being sent", "a", "b", "c")
	})
}

// A queue without a writer has nothing to take during a Hold, and signals after it.
func TestHoldAndTake(t *testing.T) {
	q := New(1<<20, 1<<20, &Pool[string]{}, nil)
	q.Hold()
	ready := q.Ready()
	push(t, q, "a", Refuse, nil)
	if items, _, more := q.Take(nil, 100); len(items) != 0 || more {
		t.Errorf("took %q, %v", items, more)
	}
	select {
	case <-ready:
		t.Error("ready during a Hold")
	case <-q.Ready():
		t.Error("ready during a Hold")
	default:
	}
	q.Release()
	<-ready
	items, size, _ := q.Take(nil, 100)
	if len(items) != 1 || items[0] != "a" {
		t.Errorf("took %q", items)
	}
	q.Sent(size)
	q.Close(false)
	<-q.Done()
}
