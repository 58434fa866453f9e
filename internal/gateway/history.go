package gateway

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// With a [backplane.Log] events are delivered in the order of the log, at the node that has emitted them too: emitting only numbers
// and queues. What a client has received is one number, the position of the last event. A record in the log's service has the
// rest: its id, its rooms with the positions since and until it was in them, and its shared values. So any node can go on with a
// client when its node was killed:
//
//   - It makes itself the owner of the record (Take), which fences the former owner.
//   - It reads the log from the client's position on, and selects by the rooms that the client had at each position: for those up to
//     the one of the record (at) by the record, later by the changes that are in the log.
//   - Under gate it reads the rest, answers, sends what was missed, and adds the client to its rooms.
//
// That is exact because of two rules. A change of a client (rooms, shared values) is stored before the client sees anything that
// follows from it: its output is held meanwhile (see [sessionRecord]). And changes of clients by the log are applied with gate held for
// writing, so that a record has either all of what is before its position, or nothing: events are delivered with gate held for
// reading, and may be on their way while a record is made, but they change none.

const (
	// arriveTime is how long a client waits until this node has read what the client has received.
	arriveTime = time.Second
	// takeTime bounds how long a client waits for its record and what it has missed.
	takeTime = 5 * time.Second
)

// history is this node's part in recovery by a log.
type history struct {
	rt  *Runtime
	log backplane.Log
	gate
	saver saver

	opened, void    atomic.Bool
	base, delivered atomic.Uint64 // positions
	waiting         atomic.Int32  // callers of await

	mu      sync.Mutex
	changed chan struct{} // closed when delivered or void has changed; nil unless a caller waits
	numbers uint64        // of owners
	records map[string]*sessionRecord
	owners  map[string]*sessionRecord // by Owner: those of records
}

// gate is held for reading while an event is delivered, or a client of this node changes by itself, and for writing while the
// log changes clients, or a client arrives. No function of the user is called with it, other than codecs and parsers.
type gate struct{ sync.RWMutex }

var (
	_ adapter.Log        = (*history)(nil)
	_ cluster.LogHandler = (*history)(nil)
)

// newHistory returns nil where the backplane is no log.
func newHistory(rt *Runtime, b backplane.Backplane) *history {
	log, is := b.(backplane.Log)
	if !is {
		return nil
	}
	h := &history{rt: rt, log: log, records: map[string]*sessionRecord{}, owners: map[string]*sessionRecord{}}
	h.saver.init(h)
	return h
}

// Prefix implements [adapter.Handover].
func (*history) Prefix() string { return "" }

// Suspended implements [adapter.Handover].
func (*history) Suspended(adapter.Suspension, string) {}

// Position implements [adapter.Log].
func (h *history) Position() uint64 {
	if h.void.Load() {
		return 0
	}
	return h.delivered.Load()
}

// Opened implements [cluster.LogHandler].
func (h *history) Opened(base, last uint64) {
	h.base.Store(base)
	h.opened.Store(true)
	h.Passed(last)
}

// Rebased implements [cluster.LogHandler].
func (h *history) Rebased(base uint64) {
	h.base.Store(base)
	h.saver.saveAll() // what the service had is lost, perhaps
}

// Lost implements [cluster.LogHandler]. Clients that come later find the loss when they read what they have missed.
func (h *history) Lost(l cluster.Loss, passed uint64) {
	h.gate.Lock()
	h.forget()
	h.delivered.Store(passed)
	h.gate.Unlock()
	h.progress()
	h.rt.lost(l)
}

// forget has no client that is connected now be recovered: events were lost that may have been for it. What follows is not sent to it before
// that is stored. gate is held for writing.
func (h *history) forget() {
	for _, r := range h.all() {
		r.mu.Lock()
		r.floor = math.MaxUint64
		r.changedNow()
		r.mu.Unlock()
	}
}

// Voided implements [cluster.LogHandler].
func (h *history) Voided(void bool) {
	h.void.Store(void)
	h.progress()
	if !void {
		h.saver.signal()
	}
}

// Linked implements [cluster.LogHandler].
func (h *history) Linked(again bool) {
	if again {
		h.saver.refreshNow()
	}
}

// Passed implements [cluster.LogHandler].
func (h *history) Passed(position uint64) {
	h.delivered.Store(position)
	h.progress()
}

func (h *history) progress() {
	if h.waiting.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// await waits until a position was delivered, and clients get positions.
func (h *history) await(ctx context.Context, position uint64) bool {
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	for {
		h.mu.Lock()
		if h.changed == nil {
			h.changed = make(chan struct{})
		}
		changed := h.changed
		h.mu.Unlock()
		if h.opened.Load() && !h.void.Load() && h.delivered.Load() >= position {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// DeliverAt implements [cluster.LogHandler].
func (h *history) DeliverAt(m *backplane.Message, load cluster.Load, at cluster.Position) error {
	endpoints, sel := h.rt.keyed(m.Select), selectionOf(m)
	if m.Kind != backplane.Event {
		return h.change(endpoints, sel, m, load, at)
	}
	deliver := func(_ context.Context, d *delivery) error {
		finish, err := h.event(endpoints, sel, load, at)
		if finish != nil {
			finish(d)
		}
		return err
	}
	hooks := hooksOf(endpoints)
	if hooks == nil || len(clients(endpoints, sel, true)) == 0 {
		return deliver(context.Background(), nil)
	}
	m, err := load()
	if err != nil {
		return err
	}
	return observeArrival(context.Background(), hooks, arrivalOf(m), deliver)
}

// passed records that a message was delivered; gate is held.
func (h *history) passed(at cluster.Position) {
	if at.Number > 0 {
		h.delivered.Store(at.Number)
	}
}

// event delivers an event. finish does what calls functions of the user; nil for nothing.
func (h *history) event(endpoints []*endpoint, sel selection, load cluster.Load, at cluster.Position) (finish func(*delivery), err error) {
	h.gate.RLock()
	defer h.gate.RUnlock()
	defer h.passed(at)
	to := clients(endpoints, sel, true)
	if len(to) == 0 {
		return nil, nil
	}
	m, err := load()
	if err != nil {
		return nil, err
	}
	if m.Flags&backplane.Volatile != 0 {
		to = clients(endpoints, sel, false)
	}
	out, err := arrived(m, to)
	if err != nil {
		return nil, err
	}
	position := at.Number
	if at.Void {
		position = 0
	}
	out.SetPosition(framework, position)
	seen := queueAll(to, out)
	return func(d *delivery) {
		observeAll(seen, out, d)
		out.Release(framework)
	}, nil
}

// change applies a Join, Leave or Disconnect.
func (h *history) change(endpoints []*endpoint, sel selection, m *backplane.Message, load cluster.Load, at cluster.Position) error {
	finish, err := func() (func(), error) {
		h.gate.Lock()
		defer h.gate.Unlock()
		defer h.passed(at)
		to := clients(endpoints, sel, m.Kind != backplane.Join)
		if len(to) == 0 {
			return func() {}, nil
		}
		m, err := load()
		if err != nil {
			return func() {}, err
		}
		return startChange(m.Kind, to, m.Rooms), nil
	}()
	finish()
	return err
}
