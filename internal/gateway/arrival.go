package gateway

import (
	"context"
	"slices"
	"sync"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// arrival implements [adapter.Arrival].
type arrival struct {
	claim *claim
	node  string // that has it
	key   string // its private id
	ep    *endpoint
	s     *session    // suspended, with conn; nil until it is added
	conn  *absentConn // of s
	last  claimAnswer
	once  sync.Once
}

// arrive adds the client to its rooms, and returns why not all that it has missed is known.
func (a *arrival) arrive(ctx context.Context, h *adapter.Handshake, first claimAnswer) moveFailure {
	mv, e := a.claim.mv, a.ep
	rooms := first.Rooms
	if len(rooms) > e.maxRooms {
		return failedRooms
	}
	a.conn = &absentConn{id: first.ID, mv: mv}
	a.s = newSession(e, a.conn, &adapter.Handshake{Handshake: websockets.Handshake{Request: h.Request, Namespace: h.Namespace}})
	a.s.state.cut = true
	a.s.suspended = suspended{mayReturn: true, hooksOver: true, hooksDone: closedChannel}
	var now vector
	added := false
	mv.freeze(func(v vector) {
		now = v
		if added = e.arrive(a.s, rooms); added {
			mv.recording.Add(1)
		}
	})
	if !added {
		a.s.cancel(websockets.ErrClosed)
		a.s = nil
		return failedRooms
	}
	for range maxRounds {
		m := &backplane.Message{Kind: backplane.ClaimMore, Body: encodeMove(moreBody{now})}
		if mv.send(a.node, a.claim.request, m) != nil {
			return failedSilent
		}
		var ok bool
		mv.bytes.Add(-int64(a.last.bytes))
		if a.last, ok = a.claim.await(ctx); !ok {
			return failedSilent
		} else if a.last.ID != first.ID {
			return failedMissed
		}
		// What the client has left there, it had left before it was added to its rooms here, perhaps.
		left := slices.DeleteFunc(slices.Clone(rooms), func(room string) bool { return slices.Contains(a.last.Rooms, room) })
		unknown := a.unknown(now)
		if len(left)+len(unknown) == 0 {
			return noFailure
		}
		mv.awaitNumbers(ctx, unknown)
		mv.freeze(func(v vector) {
			now = v
			a.s.namespace.Leave(a.s, left, true, false)
			rooms = a.s.Rooms()
			a.conn.forget()
		})
	}
	return failedMissed
}

// Resume implements [adapter.Arrival].
func (a *arrival) Resume(conn adapter.Conn, h *adapter.Handshake, accept func(id string, missed []adapter.Missed) bool) (out adapter.Session) {
	a.once.Do(func() {
		s, accepted := a.resume(conn, h, accept)
		if s == nil {
			a.claim.mv.failed(failedHere)
			a.end(false)
			return
		}
		a.end(accepted)
		out = s
	})
	return out
}

func (a *arrival) resume(conn adapter.Conn, h *adapter.Handshake, accept func(id string, missed []adapter.Missed) bool) (*session, bool) {
	e, old, mv := a.ep, a.s, a.claim.mv
	s := newSession(e, conn, h)
	s.recovered, s.namespace = true, old.namespace
	if err := pipeline.RestoreShared(h, e.shares, a.last.Shared); err != nil {
		e.log.Error("shared values of a client of another node do not decode", "client", old.ID(), "error", err)
	}
	if !s.place.hold() {
		s.cancel(websockets.ErrClosed)
		return nil, false
	}
	resumed := false
	mv.freeze(func(now vector) {
		s.late = mv.lateAt(now, a.last.Delivered)
		missed, complete := a.conn.merge(a.last)
		if complete && !old.disconnected.Load() && old.mayReturn() && accept(old.ID(), missed) {
			resumed = s.replace(old)
		}
	})
	if !resumed {
		s.place.drop()
		s.cancel(websockets.ErrClosed)
		return nil, false
	}
	old.cancel(websockets.ErrClosed)
	a.track(s)
	e.recovered.Add(1)
	e.arrived.Add(1)
	e.hooks.Connected(s)
	if e.hooks.WantsRooms() {
		e.hooks.Joined(s, s.Rooms())
	}
	s.run()
	return s, true
}

// track has the client be present as it was at the other node, before it is gone there.
func (a *arrival) track(s *session) {
	for _, p := range a.last.Present {
		if p.Namespace != s.scope() || s.mayTrack(p.Room) != nil {
			continue
		}
		err := a.ep.rt.roster.Move(&roster.Entry{
			Scope: roster.Scope{Name: p.Name, Namespace: p.Namespace, Room: p.Room}, Key: p.Key, Client: s.ID(), Endpoint: a.ep.key[0], Value: p.Value,
		})
		if err != nil {
			a.ep.log.Error("a client of another node is not present any more", "client", s.ID(), "presence", p.Name, "error", err)
		}
	}
}

// Drop implements [adapter.Arrival].
func (a *arrival) Drop() { a.once.Do(func() { a.end(false) }) }

// end ends the arrival, and has the other node know how.
func (a *arrival) end(moved bool) {
	mv := a.claim.mv
	if a.s != nil {
		if !moved {
			a.ep.dropUncounted(a.s)
			a.s.cancel(websockets.ErrClosed)
		}
		a.conn.forget()
		mv.recording.Add(-1)
	}
	mv.bytes.Add(-int64(a.last.bytes))
	a.last = claimAnswer{}
	mv.done(a.node, a.claim.request, moved)
	a.claim.remove()
}
