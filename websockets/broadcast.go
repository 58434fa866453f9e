package websockets

import (
	"errors"
	"iter"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// broadcast is an immutable selection of clients over endpoints.
type broadcast struct {
	endpoints   []*endpoint
	namespace   string // "" is every one
	rooms       []string
	except      []*session
	exceptRooms []string
}

var _ Broadcast = (*broadcast)(nil)

func (b *broadcast) with(change func(*broadcast)) Broadcast {
	c := *b
	c.rooms, c.except, c.exceptRooms = slices.Clip(c.rooms), slices.Clip(c.except), slices.Clip(c.exceptRooms)
	change(&c)
	return &c
}

func (b *broadcast) To(rooms ...string) Broadcast {
	return b.with(func(c *broadcast) { c.rooms = append(c.rooms, rooms...) })
}

func (b *broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

func (b *broadcast) Except(clients ...Client) Broadcast {
	return b.with(func(c *broadcast) {
		for _, cl := range clients {
			if s, ok := cl.(*session); ok {
				c.except = append(c.except, s)
			}
		}
	})
}

func (b *broadcast) ExceptRooms(rooms ...string) Broadcast {
	return b.with(func(c *broadcast) { c.exceptRooms = append(c.exceptRooms, rooms...) })
}

// excepts finds a client under an earlier connection.
func (b *broadcast) excepts(id string) bool {
	return slices.ContainsFunc(b.except, func(s *session) bool { return s.ID() == id })
}

// collect gives the selected clients, and, with evenSuspended, those who may come back.
func (b *broadcast) collect(evenSuspended bool) []*session {
	var out []*session
	for _, e := range b.endpoints {
		for _, sp := range e.spacesOf(b.namespace) {
			out = sp.selected(out, b, evenSuspended)
		}
	}
	return out
}

func (b *broadcast) Emit(event string, data any, opts ...EmitOption) error {
	out := newOutgoing(event, data, opts)
	defer out.release()
	return b.each(out, func(one *broadcast, out *Outgoing) error {
		targets := one.collect(!out.Volatile)
		if err := encodeFor(targets, out); err != nil {
			return err
		}
		emitAll(targets, out)
		return nil
	})
}

// share is to how many clients of a broadcast one goroutine sends at a time.
const share = 256

// emitAll sends to all, on several cores where they are many: a Conn may send where
// it is told to.
func emitAll(targets []*session, out *Outgoing) {
	var next atomic.Int64
	send := func() {
		for {
			from := int(next.Add(share)) - share
			if from >= len(targets) {
				return
			}
			for _, s := range targets[from:min(from+share, len(targets))] {
				_ = s.conn.Emit(out, 0) // who left or is slow is not the sender's problem
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(targets)+share-1)/share) - 1 {
		others.Go(send)
	}
	send()
	others.Wait()
}

// each sends to all endpoints at once, or, where interceptors want to see what is
// sent, to one after the other: each has its own.
func (b *broadcast) each(out *Outgoing, send func(*broadcast, *Outgoing) error) error {
	if len(b.endpoints) > 0 {
		out.codec = b.endpoints[0].rt.codec
	}
	if !slices.ContainsFunc(b.endpoints, func(e *endpoint) bool { return len(e.emits) > 0 }) {
		return send(b, out)
	}
	var errs []error
	for _, e := range b.endpoints {
		one := *b
		one.endpoints = []*endpoint{e}
		errs = append(errs, e.intercept(out, nil, b.rooms, func(out *Outgoing) error { return send(&one, out) }))
	}
	return errors.Join(errs...)
}

// encodeFor tries what fails for all or for none, before anybody is sent to.
func encodeFor(targets []*session, out *Outgoing) error {
	for _, s := range targets {
		if _, err := out.Payload(s.ep.traits.Binary); err != nil {
			return err
		}
	}
	return nil
}

func (b *broadcast) Clients() iter.Seq[Client] {
	return func(yield func(Client) bool) {
		for _, s := range b.collect(false) {
			if !yield(s) {
				return
			}
		}
	}
}

func (b *broadcast) Count() int { return len(b.collect(false)) }

func (b *broadcast) Join(rooms ...string) {
	for _, s := range b.collect(false) {
		_ = s.Join(rooms...)
	}
}

func (b *broadcast) Leave(rooms ...string) {
	for _, s := range b.collect(true) {
		s.space.leave(s, rooms, true)
	}
}

func (b *broadcast) Disconnect() {
	for _, s := range b.collect(true) {
		s.Disconnect()
	}
}

// server is all endpoints of one gateway.
type server struct{ broadcast }

var _ Server = (*server)(nil)

func (s *server) Of(namespace string) Broadcast {
	return s.with(func(c *broadcast) { c.namespace = "/" + strings.TrimPrefix(namespace, "/") })
}

func (s *server) Addr() net.Addr {
	if len(s.endpoints) == 0 {
		return nil
	}
	return s.endpoints[0].srv.addr()
}

func (s *server) Natives() iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, e := range s.endpoints {
			if n := e.srv.adapterServer.Native(e.pattern.name); n != nil && !yield(n) {
				return
			}
		}
	}
}
