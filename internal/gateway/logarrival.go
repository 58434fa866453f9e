package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// logArrival is a client that comes to this node by its record. It implements [adapter.Arrival].
type logArrival struct {
	h      *history
	ep     *endpoint
	pid    string
	record backplane.Record // with the new owner
	from   string           // the former one
	replay replay
	awaits <-chan struct{} // closed when HandleDisconnect of its connection at this node has returned; nil without one
	once   sync.Once
}

// Claim implements [adapter.Handover].
func (h *history) Claim(ctx context.Context, ep adapter.Endpoint, hs *adapter.Handshake, key, position string) adapter.Arrival {
	e, ours := ep.(*endpoint)
	after, err := strconv.ParseUint(position, 36, 64)
	if !ours || err != nil || h.rt.cluster == nil || !e.recordable(hs, key) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	if a := h.take(ctx, e, hs, key, after); a != nil {
		return a
	}
	return nil
}

// take makes a new connection the owner of a record, and reads most of what the client has missed; nil when the client is a new one.
func (h *history) take(ctx context.Context, e *endpoint, hs *adapter.Handshake, pid string, after uint64) *logArrival {
	reached, cancel := context.WithTimeout(ctx, arriveTime)
	defer cancel()
	if !h.await(reached, after) || after < h.base.Load() {
		return nil
	}
	owner := h.newOwner()
	record, err := h.log.Take(ctx, keyOf(pid), owner, keepConnected(h.keepOf(e)))
	if err != nil {
		if !errors.Is(err, backplane.ErrNoRecord) {
			h.rt.log.Warn("a client is a new one: its record cannot be read", "error", err)
		}
		return nil
	}
	a := &logArrival{h: h, ep: e, pid: pid, record: backplane.Record{Key: record.Key, Owner: owner}, from: record.Owner}
	body := &a.replay.body
	if codec.Unmarshal(record.Value, body, codec.Options{Budget: moveMemory*len(record.Value) + 64}) != nil {
		a.lose()
		return nil
	}
	if digests, _ := pipeline.IdentityDigests(hs, pid); !slices.Equal(digests, body.Identities) || body.Endpoint != e.key[0] || body.Namespace != hs.Namespace {
		_, _ = h.log.Take(ctx, record.Key, record.Owner, keepConnected(h.keepOf(e))) // it is another client: the former one keeps it
		return nil
	}
	a.replay.start(e, after)
	a.awaits = a.fence(ctx)
	reached, cancel = context.WithTimeout(ctx, arriveTime) // a node that lags behind the former one would apply again what the record has
	defer cancel()
	if body.Void || after < body.Floor || !h.await(reached, body.At) || h.rt.cluster.ReadLog(ctx, after, h.delivered.Load(), false, a.replay.message) != nil {
		a.lose()
		return nil
	}
	return a
}

// fence ends the former connection of the client. It waits for one of this node, and returns what is closed when its hooks have returned.
func (a *logArrival) fence(ctx context.Context) <-chan struct{} {
	h := a.h
	node, _, _ := strings.Cut(a.from, ".")
	if node != h.rt.node.ID {
		if m := (&backplane.Message{Kind: backplane.Taken, To: node, Channel: backplane.ChannelNode(node), Body: []byte(a.from)}); h.rt.cluster.Lives(node) {
			_ = h.rt.cluster.Send(m) // otherwise that node finds it when it stores or keeps the record
		}
	} else {
		h.taken(a.from)
	}
	h.mu.Lock()
	old := h.records[a.record.Key]
	h.mu.Unlock()
	if old == nil {
		return nil
	}
	old.taken()
	select {
	case <-old.left:
	case <-ctx.Done():
	}
	return old.s.suspended.hooksDone
}

// taken ends a connection of this node whose record has another owner.
func (h *history) taken(owner string) {
	h.mu.Lock()
	r := h.owners[owner]
	h.mu.Unlock()
	if r != nil {
		r.taken()
	}
}

// lose drops the record: the client is a new one.
func (a *logArrival) lose() {
	ctx, cancel := context.WithTimeout(a.h.rt.ctx, saveTime)
	defer cancel()
	_ = a.h.log.Drop(ctx, []backplane.Record{a.record}) // otherwise it expires
	a.ep.notRecovered.Add(1)
}

// Drop implements [adapter.Arrival]: the record stays.
func (a *logArrival) Drop() { a.once.Do(func() {}) }

// Resume implements [adapter.Arrival].
func (a *logArrival) Resume(conn adapter.Conn, hs *adapter.Handshake, accept func(id string, missed []adapter.Missed) bool) (out adapter.Session) {
	a.once.Do(func() {
		if s := a.resume(conn, hs, accept); s != nil {
			out = s
			return
		}
		a.lose()
	})
	return out
}

func (a *logArrival) resume(conn adapter.Conn, hs *adapter.Handshake, accept func(id string, missed []adapter.Missed) bool) *session {
	e, body := a.ep, &a.replay.body
	recorded, ok := conn.(adapter.Recorded)
	if !ok {
		return nil
	}
	s := newSession(e, conn, hs)
	s.recovered = true
	if err := pipeline.RestoreShared(hs, e.shares, body.Shared); err != nil {
		e.log.Error("shared values of a client do not decode", "error", err)
	}
	changed := !maps.EqualFunc(s.shared(), body.Shared, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
	if !s.place.hold() {
		s.cancel(websockets.ErrClosed)
		return nil
	}
	if !a.enter(s, recorded, changed, accept) {
		s.place.drop()
		s.cancel(websockets.ErrClosed)
		return nil
	}
	s.record.touch() // another claim may have taken the record before the client was entered here: the save finds it
	a.track(s)
	e.recovered.Add(1)
	if node, _, _ := strings.Cut(a.from, "."); node != a.h.rt.node.ID {
		e.arrived.Add(1)
	}
	e.hooks.Connected(s)
	if e.hooks.WantsRooms() {
		e.hooks.Joined(s, s.Rooms())
	}
	s.run()
	return s
}

// enter reads the rest of what the client has missed, and makes s the client, while nothing is delivered.
func (a *logArrival) enter(s *session, conn adapter.Recorded, changed bool, accept func(id string, missed []adapter.Missed) bool) bool {
	h, rp := a.h, &a.replay
	h.gate.Lock()
	defer h.gate.Unlock()
	if h.void.Load() || rp.after < h.base.Load() {
		return false
	}
	if h.rt.cluster.ReadLog(context.Background(), rp.next-1, h.delivered.Load(), true, rp.message) != nil {
		return false
	}
	if !accept(rp.body.ID, rp.missed) || conn.PrivateID() != a.pid {
		return false
	}
	s.extra = &extraState{awaits: a.awaits}
	s.record = h.newRecord(s, conn, a.record.Owner)
	if !a.ep.enter(s, slices.Collect(maps.Keys(rp.body.Rooms))) {
		s.record.exit()
		return false
	}
	r := s.record
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rooms, r.former, r.floor = rp.body.Rooms, rp.body.Former, rp.body.Floor
	if r.rooms == nil {
		r.rooms = map[string]uint64{}
	}
	r.state, r.attempted, r.version, r.saved = recordActive, true, 1, 1
	if changed || rp.changed {
		r.changedNow()
	}
	return true
}

// enter adds a client that was elsewhere, in its rooms. It reports false when the stop has started, or there is one with its id.
func (e *endpoint) enter(s *session, rooms []string) bool {
	rt := e.rt
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.stopping {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.namespace = e.namespace(s.hs.Namespace)
	if !s.namespace.Enter(s, rooms) {
		return false
	}
	rt.sessions[s] = struct{}{}
	return true
}

// track has the client be present as it was.
func (a *logArrival) track(s *session) {
	for _, p := range a.replay.body.Present {
		if p.Namespace != s.scope() || s.mayTrack(p.Room) != nil {
			continue
		}
		err := a.ep.rt.roster.Move(&roster.Entry{
			Scope: roster.Scope{Name: p.Name, Namespace: p.Namespace, Room: p.Room}, Key: p.Key, Client: s.ID(), Endpoint: a.ep.key[0], Value: p.Value,
		})
		if err != nil {
			a.ep.log.Error("a client that was recovered is not present any more", "client", s.ID(), "presence", p.Name, "error", err)
		}
	}
}
