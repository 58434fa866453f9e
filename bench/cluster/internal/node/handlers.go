package node

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/hist"
)

const (
	// Call is the event, or the message, by which a client calls the handler that emits.
	Call = "call"
	// Caller is what a client that calls has in its query, or as its name: it receives no broadcasts.
	Caller = "caller"
	// Watchers is the room of all other clients, to which the handler emits.
	Watchers = "watchers"
)

// Handlers are those that clients have called, each of which emits once.
type Handlers struct {
	P50    time.Duration `json:"p50"` // since the last report, of how long Emit takes; of those that run still, so far
	P99    time.Duration `json:"p99"`
	Max    time.Duration `json:"max"`
	Called int           `json:"called"` // since the start
	Active int           `json:"active"` // that run still
	Failed int           `json:"failed"` // since the start: Emit returned an error
	Error  string        `json:"error"`  // the first one
	Next   int           `json:"next"`   // number of the next Tick
}

// handlers measures them.
type handlers struct {
	mu             sync.Mutex
	took           hist.Histogram
	active         map[int]time.Time // since when, by its number
	called, failed int
	first          string
}

// Handle is what a handler does. Its name is in the profile of goroutines, see HandleFrame.
func (n *Node) Handle(ctx context.Context) {
	called, start := n.handlers.start()
	err := n.emit(ctx, Watchers)
	n.handlers.end(called, start, err)
}

// HandleFrame is part of the stack of a goroutine in which a handler runs.
const HandleFrame = "cluster/internal/node.(*Node).Handle("

func (h *handlers) start() (called int, start time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.active == nil {
		h.active = map[int]time.Time{}
	}
	h.called++
	start = time.Now()
	h.active[h.called] = start
	return h.called, start
}

func (h *handlers) end(called int, start time.Time, err error) {
	took := time.Since(start)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.active, called)
	h.took.Add(took)
	if err == nil {
		return
	}
	if h.failed++; h.failed == 1 {
		h.first = err.Error()
	}
}

// report returns what was measured since the last one.
func (h *handlers) report() Handlers {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.took
	h.took = hist.Histogram{}
	for _, start := range h.active {
		all.Add(time.Since(start))
	}
	return Handlers{
		P50: all.Quantile(.5), P99: all.Quantile(.99), Max: all.Quantile(1),
		Called: h.called, Active: len(h.active), Failed: h.failed, Error: h.first,
	}
}
