package zishang

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// testQueue has a transport that is idle when the test sets it, and busy after the first write.
type testQueue struct {
	sendQueue
	ready atomic.Bool
	sent  []string
}

func newTestQueue(limit int) *testQueue {
	q := &testQueue{}
	q.limit = limit
	q.idle = q.ready.Load
	q.write = func(m *message) {
		q.ready.Store(false)
		q.sent = append(q.sent, string(m.text))
	}
	return q
}

func msg(s string) *message { return &message{text: []byte(s), charge: len(s)} }

func TestSendQueueOffers(t *testing.T) {
	q := newTestQueue(10)
	offer := func(text string, want error) {
		t.Helper()
		if err := q.offer(msg(text)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	offer("busy", websockets.ErrQueueFull)
	q.ready.Store(true)
	offer("a", nil)
	offer("while a is written", websockets.ErrQueueFull)
	if err := q.push(msg("b"), websockets.OverflowClose, false); err != nil {
		t.Fatal(err)
	}
	q.ready.Store(true)
	offer("while b waits", websockets.ErrQueueFull)
	q.drainAll()
	offer("longer than the queue holds", nil)
	q.close()
	offer("closed", websockets.ErrClosed)
	if want := []string{"a", "b", "longer than the queue holds"}; !slices.Equal(q.sent, want) {
		t.Errorf("sent %q, want %q", q.sent, want)
	}
}

func (q *testQueue) drainAll() {
	for range 100 {
		q.ready.Store(true)
		q.pump()
	}
}

func TestSendQueuePolicies(t *testing.T) {
	const keep, newest, oldest = websockets.OverflowClose, websockets.OverflowDropNewest, websockets.OverflowDropOldest
	type push struct {
		text string
		o    websockets.Overflow
		full bool
	}
	for name, tt := range map[string]struct {
		pushes []push
		sent   []string
	}{
		"close":                {[]push{{"aaaa", keep, false}, {"bbbb", keep, false}, {"cccc", keep, true}}, []string{"aaaa", "bbbb"}},
		"newest":               {[]push{{"aaaa", newest, false}, {"bbbb", newest, false}, {"cccc", newest, true}, {"d", newest, false}}, []string{"aaaa", "bbbb", "d"}},
		"oldest":               {[]push{{"aaaa", oldest, false}, {"bbbb", oldest, false}, {"cccc", oldest, false}}, []string{"bbbb", "cccc"}},
		"oldest spares others": {[]push{{"aaaa", keep, false}, {"bbbb", newest, false}, {"cccc", oldest, false}, {"dddd", oldest, false}}, []string{"aaaa", "dddd"}},
		"oldest finds no room": {[]push{{"aaaa", keep, false}, {"bbbb", keep, false}, {"cccc", oldest, true}}, []string{"aaaa", "bbbb"}},
		"larger than all":      {[]push{{"aaaaaaaaaaaaaaaa", keep, false}, {"b", keep, true}}, []string{"aaaaaaaaaaaaaaaa"}},
	} {
		t.Run(name, func(t *testing.T) {
			q := newTestQueue(9)
			for _, p := range tt.pushes {
				if err := q.push(msg(p.text), p.o, false); (err != nil) != p.full || p.full && !errors.Is(err, websockets.ErrQueueFull) {
					t.Fatal(p, err)
				}
			}
			q.drainAll()
			if !slices.Equal(q.sent, tt.sent) || q.size() != 0 {
				t.Fatal(q.sent, q.size())
			}
		})
	}
}

func TestSendQueueBatches(t *testing.T) {
	q := newTestQueue(1 << 20)
	for range 100 {
		if err := q.push(&message{text: make([]byte, 10<<10), charge: 10 << 10}, 0, false); err != nil {
			t.Fatal(err)
		}
	}
	q.ready.Store(true)
	q.pump()
	if n := len(q.sent); n != 6 { // 60 KiB
		t.Fatalf("the library was given %d messages at once", n)
	}
	if q.size() != 100*10<<10 {
		t.Fatal("what is being written must count")
	}
}

func TestSendQueueOrderAmongPumps(t *testing.T) {
	q := newTestQueue(1 << 20)
	q.idle = func() bool { return true }
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				_ = q.push(msg(fmt.Sprintf("%d %04d", g, i)), 0, false)
			}
		})
	}
	wg.Wait()
	q.pump()
	if len(q.sent) != 4000 {
		t.Fatal(len(q.sent))
	}
	slices.SortStableFunc(q.sent, func(a, b string) int { return int(a[0]) - int(b[0]) })
	if !slices.IsSorted(q.sent) {
		t.Fatal("order was lost")
	}
}

func TestSendQueueWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTestQueue(10)
		_ = q.push(msg("aaaaaaaa"), 0, false)
		done := make(chan error, 1)
		go func() { done <- q.wait(context.Background(), 5) }()
		synctest.Wait()
		q.ready.Store(true)
		q.pump() // given, not yet written
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatal("too early", err)
		default:
		}
		q.ready.Store(true)
		q.pump()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		_ = q.push(msg("aaaaaaaa"), 0, false)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := q.wait(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		go func() { done <- q.wait(context.Background(), 0) }()
		synctest.Wait()
		q.close()
		if err := <-done; !errors.Is(err, websockets.ErrClosed) {
			t.Fatal(err)
		}
		if err := q.push(msg("x"), 0, false); !errors.Is(err, websockets.ErrClosed) {
			t.Fatal(err)
		}
	})
}
