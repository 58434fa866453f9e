package frames_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// tally handles the event "tick", whose payload counts up from 0.
type tally struct {
	mu       sync.Mutex
	n, most  int
	disorder bool
}

func (c *tally) options() []stage.Option {
	return []stage.Option{stage.Handle(websockets.Listen("tick", func(_ context.Context, i int) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.disorder = c.disorder || i != c.n
		c.n++
		c.most = max(c.most, runtime.NumGoroutine())
		return nil
	}))}
}

// reset returns the number of events, the maximum number of goroutines, and whether all events arrived in order, and
// resets them.
func (c *tally) reset() (n, most int, order bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, most, order = c.n, c.most, !c.disorder
	c.n, c.most, c.disorder = 0, 0, false
	return n, most, order
}

// pollingStage starts a Socket.IO server for polling clients.
func pollingStage(t *testing.T, o options) *stage.Stage {
	t.Helper()
	return stage.New(t, socketio.New(), append([]stage.Option{stage.Limits(o.limits)}, o.more...)...)
}
