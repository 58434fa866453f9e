package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// claim is a question to the node that has a client.
type claim struct {
	mv      *moves
	node    string
	request string
	answers chan claimAnswer // closed by end

	mu     sync.Mutex
	ended  bool
	next   claimAnswer // whose events are still arriving
	awaits int         // events of next
	skips  int         // events of an answer that was refused
	bytes  int         // of the events of next
}

// claimAnswer is an answer to a claim.
type claimAnswer struct {
	claimedBody

	missed []adapter.Missed
	bytes  int
}

func newRequest() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func (mv *moves) newClaim(node, request string) *claim {
	c := &claim{mv: mv, node: node, request: request, answers: make(chan claimAnswer, maxRounds+1)}
	mv.mu.Lock()
	defer mv.mu.Unlock()
	if mv.stopped || len(mv.claims) >= maxMoves || mv.claims[request] != nil {
		return nil
	}
	mv.claims[c.request] = c
	return c
}

// end ends the wait for answers; mv.mu may be held.
func (c *claim) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ended = true
		close(c.answers)
		c.mv.bytes.Add(-int64(c.bytes))
		c.next, c.bytes = claimAnswer{}, 0
	}
}

// remove ends the claim.
func (c *claim) remove() {
	c.mv.mu.Lock()
	delete(c.mv.claims, c.request)
	c.mv.mu.Unlock()
	c.end()
	for a := range c.answers { // those that were not read
		c.mv.bytes.Add(-int64(a.bytes))
	}
}

// eventMemory is the memory of an event beside its name and payload, about.
const eventMemory = 128

// answered handles a message of an answer.
func (c *claim) answered(m *backplane.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	if m.Event != "" {
		p := websockets.Payload(m.Payload)
		size := len(m.Event) + len(m.Body) + p.Size() + attachmentMemory*len(p.Attachments) + eventMemory
		switch {
		case c.awaits == 0 && c.skips > 0:
			c.skips--
			return nil
		case c.awaits == 0:
			return fmt.Errorf("an event of a client that was not announced: %w", envelope.ErrInvalid)
		case c.bytes+size > maxMovedBytes || c.mv.bytes.Add(int64(size)) > maxMovingBytes:
			if c.bytes+size <= maxMovedBytes {
				c.mv.bytes.Add(-int64(size))
			}
			c.refuse(c.awaits - 1)
			return nil
		}
		c.bytes += size
		c.next.missed = append(c.next.missed, missedOf(m))
		if c.awaits--; c.awaits == 0 {
			c.deliver()
		}
		return nil
	}
	var body claimedBody
	if err := decodeMove(m, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if c.awaits > 0 || m.Count > maxMissed {
		c.refuse(int(m.Count))
		return nil
	}
	c.next, c.awaits = claimAnswer{claimedBody: body}, int(m.Count)
	if c.awaits == 0 {
		c.deliver()
	}
	return nil
}

// missedOf returns what a client may have missed. A volatile event has only a position.
func missedOf(m *backplane.Message) adapter.Missed {
	e := adapter.Missed{
		Event: strings.Clone(m.Event), Payload: websockets.Payload(m.Payload).Clone(), Uncompressed: m.Flags&backplane.Uncompressed != 0,
	}
	e.Position, e.Source, _ = strings.Cut(string(m.Body), " ")
	if m.Flags&backplane.Volatile != 0 {
		e.Event, e.Payload = "", websockets.Payload{}
	}
	return e
}

// refuse has an answer that is too large be a refusal, of which some events are still to come; c.mu is held.
func (c *claim) refuse(left int) {
	c.skips = left
	c.mv.bytes.Add(-int64(c.bytes))
	c.next, c.awaits, c.bytes = claimAnswer{}, 0, 0
	c.deliver()
}

// deliver passes the answer on; c.mu is held.
func (c *claim) deliver() {
	a := c.next
	a.bytes = c.bytes
	c.next, c.bytes = claimAnswer{}, 0
	select {
	case c.answers <- a:
	default: // more than were asked for
		c.mv.bytes.Add(-int64(a.bytes))
	}
}

// await returns the next answer; false when there is none within handoverTime.
func (c *claim) await(ctx context.Context) (claimAnswer, bool) {
	ctx, cancel := context.WithTimeout(ctx, handoverTime)
	defer cancel()
	select {
	case a, ok := <-c.answers:
		return a, ok
	case <-ctx.Done():
		return claimAnswer{}, false
	}
}

// Claim implements [adapter.Handover].
func (mv *moves) Claim(ctx context.Context, ep adapter.Endpoint, h *adapter.Handshake, key, position string) adapter.Arrival {
	e, ours := ep.(*endpoint)
	if !ours || len(key) > maxKey || len(position) > maxKey || len(key) < prefixSize || mv.rt.cluster == nil || !mv.rt.cluster.Health().Up {
		return nil
	}
	digests, known := pipeline.IdentityDigests(&h.Handshake, key)
	if !known {
		return nil
	}
	if !mv.turn(ctx) {
		mv.failed(failedTooMany)
		return nil
	}
	defer func() { <-mv.turns }()
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	a, failure := mv.claim(ctx, e, h, claimBody{Key: key, Position: position, Identities: digests})
	if a == nil {
		mv.failed(failure)
		return nil
	}
	return a
}

// turn waits for one of maxClaims, and reports false when that takes too long.
func (mv *moves) turn(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	select {
	case mv.turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// claim asks the nodes that may have a client.
func (mv *moves) claim(ctx context.Context, e *endpoint, h *adapter.Handshake, body claimBody) (*arrival, moveFailure) {
	mv.awaitDeparture(ctx, body.Key)
	nodes, failure := mv.nodesOf(body.Key), failedUnknown
	asked := map[string]int{}
	for range maxHops {
		if len(nodes) == 0 {
			nodes = mv.awaitNodes(ctx, body.Key, asked)
		}
		if len(nodes) == 0 {
			break
		}
		node := nodes[0]
		nodes = nodes[1:]
		if asked[node]++; asked[node] > 2 {
			continue
		}
		a, next, failed := mv.claimFrom(ctx, node, newRequest(), e, h, body)
		if a != nil {
			return a, noFailure
		}
		failure = failed
		if len(nodes) == 0 && mv.stops(node) {
			nodes = slices.DeleteFunc(mv.keepersOf(body.Key), func(id string) bool { return asked[id] > 0 })
		}
		if next == mv.rt.node.ID {
			return nil, noFailure // it has come here by now, or never left
		}
		if next != "" && mv.lives(next) {
			nodes = slices.Insert(nodes, 0, next)
		}
	}
	return nil, failure
}

// nodesOf returns the nodes that may have a client: usually one. Of a node that has stopped they are its keepers.
func (mv *moves) nodesOf(key string) (ids []string) {
	prefix := key[:prefixSize]
	if to := mv.whereTo(key); to != "" && mv.lives(to) {
		return []string{to}
	}
	for _, n := range mv.rt.cluster.Others() {
		if strings.HasPrefix(n.ID, prefix) {
			ids = append(ids, n.ID)
		}
	}
	if len(ids) == 0 {
		ids = mv.keepersOf(key)
	}
	return ids
}

// claimFrom claims a client from a node; without it, next is the node to which it has gone.
func (mv *moves) claimFrom(ctx context.Context, node, request string, e *endpoint, h *adapter.Handshake, body claimBody) (_ *arrival, next string, _ moveFailure) {
	c := mv.newClaim(node, request)
	if c == nil {
		return nil, "", failedTooMany
	}
	err := mv.send(node, c.request, &backplane.Message{
		Kind: backplane.Claim, Body: encodeMove(body), Select: backplane.Selection{Endpoints: e.key[:], Namespace: h.Namespace},
	})
	if err != nil {
		c.remove()
		return nil, "", failedSilent
	}
	first, ok := c.await(ctx)
	mv.bytes.Add(-int64(first.bytes)) // none are expected
	if !ok || first.ID == "" {
		failure := failedRefused
		if !ok { // perhaps it is released meanwhile
			failure = failedSilent
			c.done(false)
		}
		c.remove()
		return nil, first.Moved, failure
	}
	a := &arrival{claim: c, ep: e}
	if failure := a.arrive(ctx, h, first); failure != noFailure {
		a.Drop()
		return nil, "", failure
	}
	return a, "", noFailure
}

// done has the other node know whether the client has moved.
func (c *claim) done(moved bool) {
	m := &backplane.Message{Kind: backplane.ClaimDone}
	if moved {
		m.Count = movedCount
	}
	_ = c.mv.send(c.node, c.request, m) // otherwise it learns it by the end of handoverTime
}

// arrival implements [adapter.Arrival].
type arrival struct {
	claim *claim
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
		if mv.send(a.claim.node, a.claim.request, m) != nil {
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
	a.claim.done(moved)
	a.claim.remove()
}
