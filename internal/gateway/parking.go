package gateway

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const (
	// parkTime bounds how long a stop waits until its clients are parked, after the last of them was closed, and parkPause how long
	// it waits for the next message of a keeper.
	parkTime  = 15 * time.Second
	parkPause = 3 * time.Second
	// maxParking bounds the clients that are being parked at the same time; the others wait, so that those few have their answers
	// in time on a busy machine.
	maxParking = 64
	// maxParkTries is how many nodes are asked to keep a client.
	maxParkTries = 3
)

// parking is the clients that a node which stops parks at others.
type parking struct {
	mu       sync.Mutex
	keepers  []string // the nodes that may keep clients; nil unless the node stops
	waiting  []*parkingClient
	requests map[string]*parkingClient
	clients  map[*session]*parkingClient // those of waiting and of requests
	lost     int                         // clients that no node keeps
	changed  chan struct{}               // closed with the next message of a keeper; nil unless a stop waits
}

// parkingClient is a client that is being parked.
type parkingClient struct {
	s       *session
	key     string
	keepers []string // those that may still be asked
	keeper  string
	request string
	timer   *time.Timer // while request is under way
}

// start parks the clients that are suspended, and those that will be. It reports false where no node can keep them.
func (p *parking) start(mv *moves) bool {
	var keepers []string
	for _, n := range mv.rt.cluster.Others() {
		if !n.Draining {
			keepers = append(keepers, n.ID)
		}
	}
	if len(keepers) == 0 || !mv.rt.cluster.Health().Up {
		return false
	}
	p.mu.Lock()
	p.keepers, p.requests, p.clients = keepers, map[string]*parkingClient{}, map[*session]*parkingClient{}
	p.mu.Unlock()
	return true
}

// active reports whether the node stops and parks its clients.
func (p *parking) active() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keepers != nil
}

// add parks a suspended client.
func (p *parking) add(mv *moves, s *session) {
	s.mu.Lock()
	key := s.readExtra().key
	s.mu.Unlock()
	p.mu.Lock()
	if p.keepers == nil || p.clients[s] != nil || key == "" || !s.mayReturn() {
		p.mu.Unlock()
		return
	}
	c := &parkingClient{s: s, key: key, keepers: rank(key, p.keepers)}
	p.clients[s] = c
	p.waiting = append(p.waiting, c)
	p.mu.Unlock()
	p.next(mv)
}

// next asks keepers for clients that wait.
func (p *parking) next(mv *moves) {
	p.mu.Lock()
	var ask []*parkingClient
	for len(p.waiting) > 0 && len(p.requests) < maxParking {
		c := p.waiting[0]
		p.waiting = p.waiting[1:]
		for len(c.keepers) > 0 && !mv.lives(c.keepers[0]) {
			c.keepers = c.keepers[1:]
		}
		if len(c.keepers) == 0 {
			p.lost++
			p.forget(c)
			continue
		}
		c.keeper, c.keepers, c.request = c.keepers[0], c.keepers[1:], newRequest()
		p.requests[c.request] = c
		request, keeper := c.request, c.keeper
		c.timer = time.AfterFunc(handoverTime, func() { p.silent(mv, request, keeper) })
		ask = append(ask, c)
	}
	p.mu.Unlock()
	for _, c := range ask {
		m := &backplane.Message{
			Kind: backplane.Park, Body: encodeMove(parkBody{c.key}), Select: backplane.Selection{Endpoints: c.s.ep.key[:], Namespace: c.s.hs.Namespace},
		}
		if mv.send(c.keeper, c.request, m) != nil {
			p.refused(mv, c.request, c.keeper)
		}
	}
}

// asked reports whether a node was asked to keep a client.
func (p *parking) asked(request, keeper string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.requests[request]
	return c != nil && c.keeper == keeper
}

// refused has the next node be asked for a client that a keeper has not taken.
func (p *parking) refused(mv *moves, request, keeper string) {
	p.mu.Lock()
	c := p.requests[request]
	if c == nil || c.keeper != keeper {
		p.mu.Unlock()
		return
	}
	delete(p.requests, request)
	c.timer.Stop()
	switch tried := len(p.keepers) - len(c.keepers); {
	case !c.s.mayReturn(): // it has gone to another node, or was dropped
		p.forget(c)
	case tried >= maxParkTries || len(c.keepers) == 0:
		p.lost++
		p.forget(c)
	default:
		p.waiting = append(p.waiting, c)
	}
	p.mu.Unlock()
	p.next(mv)
}

// silent has the next node be asked if a keeper has not claimed the client. Otherwise its departure ends by itself.
func (p *parking) silent(mv *moves, request, keeper string) {
	mv.mu.Lock()
	claimed := mv.leaving[request] != nil
	mv.mu.Unlock()
	if !claimed {
		p.refused(mv, request, keeper)
	}
}

// membersChanged has the next nodes be asked for clients whose keeper is gone.
func (p *parking) membersChanged(mv *moves) {
	p.mu.Lock()
	var gone []*parkingClient
	for _, c := range p.requests {
		if !mv.lives(c.keeper) {
			gone = append(gone, &parkingClient{request: c.request, keeper: c.keeper})
		}
	}
	p.mu.Unlock()
	for _, c := range gone {
		p.refused(mv, c.request, c.keeper)
	}
}

// done ends the parking of a client that is at another node.
func (p *parking) done(mv *moves, s *session) {
	p.mu.Lock()
	c := p.clients[s]
	if c != nil {
		if p.requests[c.request] == c {
			delete(p.requests, c.request)
			c.timer.Stop()
		}
		p.forget(c)
	}
	p.mu.Unlock()
	if c != nil {
		p.next(mv)
	}
}

// progress has a stop wait on: a keeper has sent something.
func (p *parking) progress() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake()
}

// wake is progress; p.mu is held.
func (p *parking) wake() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// forget removes a client; p.mu is held.
func (p *parking) forget(c *parkingClient) {
	delete(p.clients, c.s)
	p.waiting = slices.DeleteFunc(p.waiting, func(w *parkingClient) bool { return w == c })
	p.wake()
}

// await waits for the next message of a keeper, and reports false when no client is left, or none comes within parkPause.
func (p *parking) await(ctx context.Context) bool {
	p.mu.Lock()
	if len(p.clients) == 0 {
		p.mu.Unlock()
		return false
	}
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	changed := p.changed
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, parkPause)
	defer cancel()
	select {
	case <-changed:
		return true
	case <-ctx.Done():
		return false
	}
}

// wait waits until all clients are parked, while keepers send something, for parkTime at most, and logs how many are not.
func (p *parking) wait(ctx context.Context, mv *moves) {
	if !p.active() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, parkTime)
	defer cancel()
	for p.await(ctx) {
	}
	p.mu.Lock()
	lost := p.lost + len(p.clients)
	p.mu.Unlock()
	if lost > 0 {
		mv.rt.log.Warn("clients of this node, which stops, are new ones at others: no node could keep them in time", "clients", lost)
	}
}

// Suspended implements [adapter.Handover].
func (mv *moves) Suspended(susp adapter.Suspension, key string) {
	p, ours := susp.(suspension)
	if !ours {
		return
	}
	p.s.mu.Lock()
	p.s.ensureExtra().key = key
	p.s.mu.Unlock()
	mv.parking.add(mv, p.s)
}

// parks reports whether the client of a connection that the stop ends is to be parked. It stays in its rooms then, suspended
// once its connection is closed.
func (s *session) parks() bool {
	mv := s.ep.rt.moves
	conn, can := s.conn.(adapter.Parker)
	if mv == nil || !can || !mv.parking.active() || s.disconnected.Load() || s.ep.mover() == nil || !conn.MayPark() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.cut || !s.state.accepted() || s.readExtra().reason.Cause != websockets.CauseShutdown {
		return false
	}
	s.ensureExtra().parked = true
	return true
}

// suspendParked suspends a client that is to be parked; false for others.
func (s *session) suspendParked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.readExtra().parked || s.state.cut || s.disconnected.Load() {
		return false
	}
	s.state.cut = true
	s.suspended.mayReturn = true
	s.namespace.Suspend(s)
	return true
}

// parked returns what a keeper needs, and reads the events.
func (d *departure) parked() (*parkedBody, func() ([]adapter.Missed, error)) {
	identities, known := d.s.digestsOf(d.key)
	if !known {
		return nil, nil
	}
	read := d.dep.Parked()
	if read == nil {
		return nil, nil
	}
	b := &parkedBody{Identities: identities}
	return b, func() ([]adapter.Missed, error) {
		p, err := read()
		if err != nil {
			return nil, err
		}
		b.Positions, b.Left, b.Guessed = p.Positions, p.Left.Milliseconds(), p.Guessed
		if p.Address.IsValid() {
			b.Address = p.Address.String()
		}
		return p.Missed, nil
	}
}

// rank returns nodes in the order of rendezvous hashing of a private id: all nodes agree on the first of those that live.
func rank(key string, nodes []string) []string {
	weight := make(map[string]uint64, len(nodes))
	for _, id := range nodes {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id + " " + key)) // never fails
		w := h.Sum64()
		w ^= w >> 33 // the last bytes would count for little otherwise
		w *= 0xff51afd7ed558ccd
		weight[id] = w ^ w>>33
	}
	ranked := slices.Clone(nodes)
	slices.SortFunc(ranked, func(a, b string) int { return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b)) })
	return ranked
}
