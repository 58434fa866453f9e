package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// departure is a client of this node that another one has claimed.
type departure struct {
	mv      *moves
	s       *session
	dep     adapter.Departure
	claim   claimBody
	key     string // its private id
	to      string // the other node
	request string
	timer   *time.Timer
	ended   chan struct{} // closed when it is over

	mu        sync.Mutex
	asked     bool // what it has missed is being read
	committed bool // has been sent: only the other node knows whether the client is there
	over      bool
}

// release handles a claim: it waits for nothing, since it runs on the worker of a node.
func (mv *moves) release(m *backplane.Message) error {
	var body claimBody
	if err := decodeMove(m, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if len(m.Select.Endpoints) != 1 {
		return envelope.ErrInvalid
	}
	e := mv.rt.byKey[m.Select.Endpoints[0]]
	namespace, from, request := m.Select.Namespace, m.Origin, m.Request
	mv.mu.Lock()
	full := len(mv.leaving)+mv.starting >= maxMoves
	if !full {
		mv.starting++
	}
	mv.mu.Unlock()
	started := !full && mv.do(func() {
		ctx, cancel := context.WithTimeout(mv.rt.ctx, handoverTime)
		defer cancel()
		var d *departure
		if started, ok := mv.startRelease(ctx, body.Key); ok {
			defer started()
			d = mv.newDeparture(ctx, e, namespace, body, from, request)
		}
		mv.mu.Lock()
		mv.starting--
		keep := d != nil && !mv.stopped && mv.leaving[request] == nil
		if keep {
			mv.leaving[request] = d
			d.timer = time.AfterFunc(handoverTime, d.expire)
		}
		mv.mu.Unlock()
		switch {
		case keep:
			mv.parking.progress()
			mv.answer(from, request, claimedBody{ID: d.s.ID(), Rooms: d.s.Rooms()}, nil)
		case d != nil:
			d.dep.Keep()
			fallthrough
		default:
			mv.answer(from, request, claimedBody{Moved: mv.whereTo(body.Key)}, nil)
		}
	})
	if !started {
		if !full {
			mv.mu.Lock()
			mv.starting--
			mv.mu.Unlock()
		}
		mv.answer(from, request, claimedBody{Moved: mv.whereTo(body.Key)}, nil) // a stop has parked it, perhaps
	}
	return nil
}

// newDeparture has the platform release a client; nil when it does not.
func (mv *moves) newDeparture(ctx context.Context, e *endpoint, namespace string, body claimBody, to, request string) *departure {
	if e == nil {
		return nil
	}
	mover := e.mover()
	if mover == nil || body.Park && !mv.parking.asked(request, to) {
		return nil
	}
	dep := mover.Release(ctx, namespace, body.Key, body.Position, func(old adapter.Session) bool {
		s, ours := old.(*session)
		return ours && s.ep == e && (body.Park || s.sameElsewhere(body.Key, body.Identities))
	})
	if dep == nil {
		return nil
	}
	susp, ours := dep.Suspension().(suspension)
	if !ours {
		dep.Keep()
		return nil
	}
	return &departure{mv: mv, s: susp.s, dep: dep, claim: body, key: body.Key, to: to, request: request, ended: make(chan struct{})}
}

// mover returns the server of an endpoint whose clients may move; nil for others.
func (e *endpoint) mover() adapter.Mover {
	if m, ok := e.srv.adapterServer.(adapter.Mover); ok && m.Moves() {
		return m
	}
	return nil
}

// awaitDeparture waits until it is known whether a client has gone to another node, if it is on its way there.
func (mv *moves) awaitDeparture(ctx context.Context, key string) {
	for {
		mv.mu.Lock()
		ended := mv.departs(key)
		mv.mu.Unlock()
		if ended == nil {
			return
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
	}
}

// departs returns what is closed when a client is no longer on its way to another node; nil when it is not. mv.mu is held.
func (mv *moves) departs(key string) <-chan struct{} {
	if started := mv.releases[key]; started != nil {
		return started
	}
	for _, d := range mv.leaving {
		if d.key == key {
			return d.ended
		}
	}
	return nil
}

// startRelease waits until a client is not on its way to another node, and has others wait until started is called: of two
// nodes that claim it the second is answered when it is known where the client is. It reports false when ctx ends first.
func (mv *moves) startRelease(ctx context.Context, key string) (started func(), ok bool) {
	for {
		mv.mu.Lock()
		ended := mv.departs(key)
		if ended == nil {
			c := make(chan struct{})
			mv.releases[key] = c
			mv.mu.Unlock()
			return func() {
				mv.mu.Lock()
				delete(mv.releases, key)
				mv.mu.Unlock()
				close(c)
			}, true
		}
		mv.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, false
		}
	}
}

// sameElsewhere is Same for a client that has come to another node, of whose identities digests are known.
func (s *session) sameElsewhere(key string, digests []string) bool {
	own, known := s.digestsOf(key)
	if len(own) > 0 || len(digests) > 0 || !known {
		return known && slices.Equal(own, digests)
	}
	return !slices.ContainsFunc(s.ep.admissions, admission.mayIdentify) || s.warnAnonymous()
}

// parkedIdentity is the private id of a parked client, with the digests of its identities under it.
type parkedIdentity struct {
	key     string
	digests []string
}

// digestsOf is [pipeline.IdentityDigests] under its private id, also of a client that is parked here.
func (s *session) digestsOf(key string) (digests []string, known bool) {
	if p := s.parkedAs; p != nil {
		return p.digests, p.key == key
	}
	return pipeline.IdentityDigests(s, key)
}

// answer sends an answer to a claim: the body, then the events, which leave most of the queue to others and may wait for that.
// A body without an id is a refusal.
func (mv *moves) answer(to, request string, body claimedBody, missed []adapter.Missed) {
	err := mv.send(to, request, &backplane.Message{Kind: backplane.Claimed, Body: encodeMove(body), Count: uint32(len(missed))})
	if err != nil && body.ID != "" { // larger than the backplane takes
		mv.answer(to, request, claimedBody{}, nil)
	}
	ctx, cancel := context.WithTimeout(mv.rt.ctx, handoverTime)
	defer cancel()
	for _, e := range missed {
		if err != nil {
			return // the other node waits in vain, for handoverTime at most
		}
		m := &backplane.Message{Kind: backplane.Claimed, Event: e.Event, Payload: backplane.Payload(e.Payload), Body: encodePlace(e)}
		if e.Event == "" { // a volatile event, of which there is only the position
			m.Event, m.Flags = "-", backplane.Volatile
		}
		if e.Uncompressed {
			m.Flags |= backplane.Uncompressed
		}
		err = mv.sendWith(to, request, m, func() error { return mv.rt.cluster.SendSpare(ctx, m) })
	}
}

// more handles a question for what a client has missed.
func (mv *moves) more(m *backplane.Message) error {
	var body moreBody
	if err := decodeMove(m, &body); err != nil {
		return err
	}
	mv.mu.Lock()
	d := mv.leaving[m.Request]
	mv.mu.Unlock()
	if d == nil || d.to != m.Origin {
		mv.answer(m.Origin, m.Request, claimedBody{}, nil)
		return nil
	}
	d.mu.Lock()
	again := d.asked || d.over
	d.asked = true
	d.mu.Unlock()
	if again {
		return nil
	}
	d.timer.Reset(handoverTime) // of a departure that is over, it changes nothing
	mv.parking.progress()
	mv.do(func() {
		answer, missed := d.missed(body.Delivered)
		d.mu.Lock()
		d.asked = false
		if answer.ID == "" || d.over {
			answer, missed = claimedBody{}, nil
		} else {
			d.committed = true
		}
		d.mu.Unlock()
		if answer.ID == "" {
			d.end(false)
		}
		mv.answer(d.to, d.request, answer, missed)
	})
	return nil
}

// missed waits until what the other node has delivered is delivered here, and returns what the client has missed. Without an
// id it is a refusal.
func (d *departure) missed(v vector) (answer claimedBody, missed []adapter.Missed) {
	mv := d.mv
	ctx, cancel := context.WithTimeout(mv.rt.ctx, catchUpTime)
	defer cancel()
	if !mv.await(ctx, d.s, v) {
		return claimedBody{}, nil
	}
	var read func() ([]adapter.Missed, error)
	var parked *parkedBody
	mv.freeze(func(now vector) {
		if d.claim.Park {
			parked, read = d.parked()
		} else {
			read = d.dep.Missed()
		}
		if read == nil || !d.s.mayReturn() || d.s.disconnected.Load() {
			read = nil
			return
		}
		answer = claimedBody{ID: d.s.ID(), Rooms: d.s.Rooms(), Delivered: d.s.withLate(now), Gone: mv.delivered.gone(now)}
	})
	if read == nil {
		return claimedBody{}, nil
	}
	missed, err := read()
	if err != nil {
		d.s.ep.log.Error("a client does not move to another node: what it has missed does not decode", "client", d.s.ID(), "error", err)
		return claimedBody{}, nil
	}
	answer.Parked = parked
	answer.Shared = d.s.shared()
	for _, e := range mv.rt.roster.Of(d.s.ID()) {
		answer.Present = append(answer.Present, movedEntry{e.Name, e.Namespace, e.Room, e.Key, e.Value})
	}
	return answer, missed
}

// mayReturn reports whether the client is suspended.
func (s *session) mayReturn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suspended.mayReturn
}

// expire ends a departure of which the other node has sent nothing more: where it may have the client, this node has not.
func (d *departure) expire() {
	d.mu.Lock()
	committed := d.committed
	d.mu.Unlock()
	d.end(committed)
}

// end ends the departure, once.
func (d *departure) end(moved bool) {
	d.mu.Lock()
	over := d.over
	d.over = true
	d.mu.Unlock()
	if over {
		return
	}
	defer close(d.ended)
	mv := d.mv
	if moved {
		mv.remember(d.key, d.to)
		d.dep.Moved()
		d.s.ep.moved(d.s)
	} else {
		d.dep.Keep()
	}
	mv.mu.Lock()
	delete(mv.leaving, d.request) // from now on others may claim it, and it may return
	if d.timer != nil {
		d.timer.Stop()
	}
	mv.mu.Unlock()
	if moved {
		mv.parking.done(mv, d.s)
	} else {
		mv.parking.refused(mv, d.request, d.to)
	}
}
