package node

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A handler that waits counts with the time that it has waited, and not again after a report.
func TestHandlersThatRunStillAreCounted(t *testing.T) {
	entered, leave, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	n := &Node{Emit: func(context.Context, string, Tick) error {
		close(entered)
		<-leave
		return errors.New("full")
	}}
	go func() {
		defer close(ended)
		n.Handle(t.Context())
	}()
	<-entered
	start := time.Now()
	for time.Since(start) < time.Millisecond { // the clock is to go on
		runtime.Gosched()
	}
	if h := n.handlers.report(); h.Called != 1 || h.Active != 1 || h.Failed != 0 || h.P50 < time.Millisecond {
		t.Errorf("while it waits: %+v", h)
	}
	close(leave)
	<-ended
	if h := n.handlers.report(); h.Called != 1 || h.Active != 0 || h.Failed != 1 || h.Error != "full" || h.Max < time.Millisecond {
		t.Errorf("after it: %+v", h)
	}
	if h := n.handlers.report(); h.Called != 1 || h.Max != 0 {
		t.Errorf("since the last report: %+v", h)
	}
}

// The profile of goroutines shows in which of them a handler runs.
func TestHandleFrame(t *testing.T) {
	var stack string
	n := &Node{Emit: func(context.Context, string, Tick) error {
		buf := make([]byte, 64<<10)
		stack = string(buf[:runtime.Stack(buf, false)])
		return nil
	}}
	n.Handle(t.Context())
	if !strings.Contains(stack, HandleFrame) {
		t.Errorf("%q is not in:\n%s", HandleFrame, stack)
	}
}
