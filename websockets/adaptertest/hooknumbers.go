package adaptertest

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func testHooksNumbers(t *testing.T, s *suite) {
	var mu sync.Mutex
	seen := map[uint64][]string{}
	note := func(n uint64, what string) {
		mu.Lock()
		defer mu.Unlock()
		seen[n] = append(seen[n], what)
	}
	calls := map[uint64]int{}
	hooks := observe.Hooks{
		Received: func(_ websockets.Client, m observe.Received) {
			if !m.Answer {
				note(m.Number, string(m.Payload.JSON))
				return
			}
			mu.Lock()
			defer mu.Unlock()
			calls[m.Number]++
		},
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			note(h.Number, "handled")
			return ctx, nil
		},
		Answered: func(_ websockets.Client, a observe.Answer) { note(a.Number, string(a.Payload.JSON)) },
		Sent: func(_ websockets.Client, e observe.Sent) {
			mu.Lock()
			defer mu.Unlock()
			if e.Call {
				calls[e.Number]++
			} else if e.Number != 0 {
				t.Errorf("%s has the number %d and is no call", e.Event, e.Number)
			}
		},
	}
	second := make(chan struct{})
	g := newGateway(echo(), websockets.On("wait", func(ctx context.Context, n int) (int, error) {
		if n == 1 { // is answered after the second one
			<-second
		} else {
			defer close(second)
		}
		_, err := websockets.ClientFrom(ctx).Call(ctx, "ask", n)
		return n, err
	}, websockets.Background(2))).emits(websockets.NewCall[int, int]("ask"))
	_, c := s.solo(t, g, app.Observe(hooks))
	c.OnCall("ask", func(json.RawMessage) any { return 5 })
	var both sync.WaitGroup
	for n := range 2 {
		both.Go(func() { _, _ = c.TryCall("wait", n+1) })
	}
	both.Wait()
	alive(t, c)
	mu.Lock()
	defer mu.Unlock()
	for n, steps := range seen {
		if n == 0 || len(steps) != 3 || steps[0] != steps[2] {
			t.Errorf("number %d: %q", n, steps)
		}
	}
	if len(seen) != 3 || len(calls) != 2 {
		t.Errorf("messages %v, calls %v", seen, calls)
	}
	for n, times := range calls {
		if n == 0 || times != 2 {
			t.Errorf("call %d: %d times", n, times)
		}
	}
}
