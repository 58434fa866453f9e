package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// What may wait for one handler of node events.
const (
	maxNodeEvents    = 1024
	maxNodeBytes     = 8 << 20
	nodeEventsMemory = 256 // of one beside its payload, about
	attachmentMemory = 24  // of an attachment beside its bytes
)

// nodePhase is whether handlers of node events are called.
type nodePhase uint8

const (
	nodesStarting nodePhase = iota // events wait until the application accepts clients
	nodesOpen
	nodesStopped
)

// nodeEvents runs the handlers of events of other nodes.
type nodeEvents struct {
	handlers map[string][]*nodeHandler // by event; not changed after join
	ctx      context.Context           // of the handlers
	cancel   context.CancelFunc

	mu      sync.Mutex // guards the fields below and those of the handlers
	phase   nodePhase
	running int
	idle    chan struct{} // closed when stopped and no handler runs
}

// nodeHandler is a handler with the events that wait for it.
type nodeHandler struct {
	handler.Spec
	gateway *boundGateway
	full    logsample.Minute

	waiting []nodeEvent
	bytes   int
	running bool
}

type nodeEvent struct {
	arrival observe.Arrival
	payload websockets.Payload
}

func (e *nodeEvent) memory() int {
	return e.payload.Size() + attachmentMemory*len(e.payload.Attachments) + nodeEventsMemory
}

func (n *nodeEvents) init(gateways []*boundGateway) {
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.handlers, n.idle = map[string][]*nodeHandler{}, make(chan struct{})
	for _, g := range gateways {
		for _, sub := range g.subs {
			if sub.Kind == handler.Node {
				n.handlers[sub.Event] = append(n.handlers[sub.Event], &nodeHandler{Spec: sub, gateway: g})
			}
		}
	}
}

// EmitNodes implements the hub of a [websockets.Server].
func (s *server) EmitNodes(ctx context.Context, event string, data any) error {
	out := adapter.NewOutgoing(event, data)
	defer out.Release(framework)
	out.SetCodec(framework, s.rt.codec)
	p, err := out.Payload(true)
	if err != nil || s.rt.cluster == nil {
		return err
	}
	m := &backplane.Message{
		Kind: backplane.NodeEvent, Channel: backplane.ChannelEvents, Event: event,
		Payload: backplane.Payload(p.Clone()), Select: backplane.Selection{Endpoints: s.keys}, Traceparent: s.trace(ctx),
	}
	if err := s.check(m); err != nil {
		return err
	}
	return s.rt.send(m)
}

// nodeEvent queues an event of another node for its handlers.
func (rt *Runtime) nodeEvent(endpoints []*endpoint, load cluster.Load) error {
	m, err := load()
	if err != nil {
		return err
	}
	for _, h := range rt.nodeEvents.handlers[m.Event] {
		if slices.ContainsFunc(endpoints, func(e *endpoint) bool { return slices.Contains(e.gateways, h.gateway) }) {
			rt.nodeEvents.push(h, nodeEvent{arrivalOf(m), websockets.Payload(m.Payload).Clone()})
		}
	}
	return nil
}

// push queues an event for a handler, whose goroutine ends when nothing waits any more.
func (n *nodeEvents) push(h *nodeHandler, e nodeEvent) {
	n.mu.Lock()
	size := e.memory()
	switch {
	case n.phase == nodesStopped:
	case len(h.waiting) >= maxNodeEvents || h.bytes+size > maxNodeBytes && h.bytes > 0:
		n.mu.Unlock()
		if k := h.full.Count(); k > 0 {
			h.log().Error("events of other nodes are dropped: too many wait for their handler", "dropped", k)
		}
		return
	default:
		h.waiting, h.bytes = append(h.waiting, e), h.bytes+size
		n.start(h)
	}
	n.mu.Unlock()
}

// start starts the goroutine of a handler for which something waits; n.mu is held.
func (n *nodeEvents) start(h *nodeHandler) {
	if n.phase == nodesOpen && !h.running && len(h.waiting) > 0 {
		h.running = true
		n.running++
		go n.run(h)
	}
}

func (n *nodeEvents) run(h *nodeHandler) {
	done := false
	defer func() {
		if !done { // a handler has ended the goroutine
			go n.run(h)
		}
	}()
	for {
		n.mu.Lock()
		if len(h.waiting) == 0 || n.phase == nodesStopped {
			h.running = false
			if n.running--; n.running == 0 && n.phase == nodesStopped {
				close(n.idle)
			}
			n.mu.Unlock()
			done = true
			return
		}
		e := h.waiting[0]
		h.waiting[0] = nodeEvent{}
		h.waiting, h.bytes = h.waiting[1:], h.bytes-e.memory()
		n.mu.Unlock()
		h.handle(n.ctx, e)
	}
}

func (h *nodeHandler) log() *slog.Logger {
	return h.gateway.server.rt.log.With("event", h.Event, "gateway", h.gateway.label())
}

// handle calls the handler, and logs its error or panic.
func (h *nodeHandler) handle(ctx context.Context, e nodeEvent) {
	ctx, cancel := withCallTimeout(ctx, h.gateway.server.endpoints[0])
	defer cancel()
	err := recovered.ErrExited
	defer func() {
		if p, panicked := errors.AsType[*recovered.PanicError](err); panicked {
			h.log().Error("panic in a handler of an event of another node", append([]any{"node", e.arrival.Node}, p.Attrs()...)...)
		} else if err != nil {
			h.log().Error("handler of an event of another node failed", "node", e.arrival.Node, "error", err)
		}
	}()
	err = observeArrival(ctx, h.gateway.server.hooks(), e.arrival, func(ctx context.Context, _ *delivery) error {
		return h.invoke(ctx, e)
	})
}

// invoke calls the handler. The error is a *[recovered.PanicError] when it panics.
func (h *nodeHandler) invoke(ctx context.Context, e nodeEvent) (err error) {
	defer recovered.Into(&err)
	return h.Invoke(ctx, nodeExchange{h: h, e: e})
}

// nodeExchange is an event of another node, which is not answered.
type nodeExchange struct {
	handler.Exchange

	h *nodeHandler
	e nodeEvent
}

func (x nodeExchange) Event() string { return x.h.Event }

func (x nodeExchange) Decode(_ context.Context, v any) error {
	return x.h.gateway.server.rt.decode(x.e.payload, v)
}

// open starts the handlers for which events wait.
func (n *nodeEvents) open() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.phase != nodesStarting {
		return
	}
	n.phase = nodesOpen
	for _, all := range n.handlers {
		for _, h := range all {
			n.start(h)
		}
	}
}

// close discards what waits and what arrives later.
func (n *nodeEvents) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.phase != nodesStopped && n.running == 0 {
		close(n.idle)
	}
	n.phase = nodesStopped
}

// wait waits after close for the handlers that run, until ctx ends and await.Late longer. The
// error names those that are stuck.
func (n *nodeEvents) wait(ctx context.Context) error {
	defer n.cancel()
	if await.Done(ctx, n.idle, n.cancel) {
		return nil
	}
	return fmt.Errorf("websockets: stop: %s %w", strings.Join(n.stuck(), ", "), await.ErrStuck)
}

// stuck returns the handlers that run.
func (n *nodeEvents) stuck() (names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for event, all := range n.handlers {
		for _, h := range all {
			if h.running {
				names = append(names, fmt.Sprintf("node event %q of gateway %s", event, h.gateway.name))
			}
		}
	}
	slices.Sort(names)
	return names
}
