package websockets

import (
	"runtime/debug"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// intercept shows an event on its way out to the interceptors that want to see
// it, then sends it: to one client, or to the rooms of a broadcast.
func (e *endpoint) intercept(out *Outgoing, to *session, rooms []string, send func(*Outgoing) error) error {
	if len(e.emits) == 0 {
		return send(out)
	}
	em := &pipeline.Emission{Event: out.Event, Data: out.value, Rooms: rooms}
	if to != nil {
		em.Client = to
	}
	return e.emission(em, 0, func() error {
		changed := NewOutgoing(em.Event, em.Data)
		changed.codec = out.codec
		changed.Overflow, changed.Volatile, changed.Spread, changed.Uncompressed = out.Overflow, out.Volatile, out.Spread, out.Uncompressed
		changed.Answer = out.Answer
		defer changed.release()
		return send(changed)
	})
}

// emission runs the interceptors from the i-th on.
func (e *endpoint) emission(em *pipeline.Emission, i int, send func() error) (err error) {
	if i == len(e.emits) {
		return send()
	}
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
			e.srv.log.Error("panic in an interceptor of emits", "event", em.Event, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	return e.emits[i].InterceptEmit(em, func() error { return e.emission(em, i+1, send) })
}
