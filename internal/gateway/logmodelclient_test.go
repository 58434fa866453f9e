package gateway

import (
	"cmp"

	"slices"
)

// logClient is a client: with its process, not with one connection.
type logClient struct {
	m       *logModel
	plain   bool        // it receives a position when it connects
	session *logSession // its connection
	claim   *logClaim   // or where it waits for an answer

	key, p    int // p: the last position; noStay: none
	truth     *modelTruth
	void      bool // its last event had no position
	recovered bool
	got       map[*modelMsg]bool
}

// modelTruth is what the schedule has done to a client, from when it was new until it is new again.
type modelTruth struct {
	id, start int
	facts     []*modelFact
	gaps      [][2]int           // positions between that its node has missed, and has reported
	locally   map[*modelMsg]bool // were applied to it locally
	concurred map[*modelMsg]bool // were delivered locally before it joined, or applied while it was away
	applied   map[*modelMsg]int  // joins and leaves
	lacks     bool               // an event that a node has dropped
}

// modelFact is a change of rooms by a handler.
type modelFact struct {
	pos, room    int
	join, known  bool // known: the client has the answer
	fromLog, age int
}

type roomState int

const (
	roomOut roomState = iota
	roomMaybe
	roomIn
)

func newTruth(id, start int) *modelTruth {
	return &modelTruth{id: id, start: start, locally: map[*modelMsg]bool{}, concurred: map[*modelMsg]bool{}, applied: map[*modelMsg]int{}}
}

func (t *modelTruth) fact(pos, room int, join bool) *modelFact {
	f := &modelFact{pos: pos, room: room, join: join, age: len(t.facts)}
	t.facts = append(t.facts, f)
	return f
}

func (t *modelTruth) missed(pos int) bool {
	return slices.ContainsFunc(t.gaps, func(g [2]int) bool { return g[0] < pos && pos < g[1] })
}

// history returns all changes of rooms in their order, with those of a log.
func (t *modelTruth) history(log []modelEntry) []modelFact {
	var all []modelFact
	for _, f := range t.facts {
		all = append(all, *f)
	}
	in := map[*modelMsg]bool{}
	for _, e := range log {
		if e.msg != nil && e.msg.id == t.id && e.msg.kind != logEvent && e.pos > t.start && !t.locally[e.msg] {
			in[e.msg] = true
			all = append(all, modelFact{pos: e.pos, room: e.msg.room, join: e.msg.kind == modelJoin, known: !t.missed(e.pos) && !t.concurred[e.msg], fromLog: 1})
		}
	}
	for msg, pos := range t.applied { // of a tail that the log has lost
		if !in[msg] {
			all = append(all, modelFact{pos: pos, room: msg.room, join: msg.kind == modelJoin, fromLog: 1})
		}
	}
	slices.SortFunc(all, func(a, b modelFact) int {
		return cmp.Or(a.pos-b.pos, b.fromLog-a.fromLog, a.age-b.age)
	})
	return all
}

// stateAt returns whether the client is in a room for the event at a position.
func stateAt(history []modelFact, room, pos int) (s roomState) {
	for _, f := range history {
		switch {
		case f.pos >= pos || f.room != room:
		case f.known && f.join:
			s = roomIn
		case f.known:
			s = roomOut
		case f.join == (s != roomIn):
			s = roomMaybe
		}
	}
	return s
}

// receive takes what has arrived first, or the end of the connection.
func (c *logClient) receive() {
	s := c.session
	if len(s.wire) == 0 {
		if s.ended {
			c.session = nil
		}
		return
	}
	o := s.wire[0]
	s.wire = s.wire[1:]
	switch {
	case o.connect != nil:
		c.connected(s, *o.connect)
	case o.fact != nil:
		o.fact.known = true
	default:
		c.event(o)
	}
}

func (c *logClient) connected(s *logSession, a logConnect) {
	if c.key = a.key; a.recovered {
		c.recovered = true
		c.m.recovered++
		if c.m.lacks == lacksOldPos && c.plain {
			c.p = a.pos
		}
		return
	}
	c.truth, c.void, c.recovered, c.got = s.truth, false, false, map[*modelMsg]bool{}
	if c.p = noStay; c.plain {
		c.p = a.pos
	}
}

func (c *logClient) event(o modelOut) {
	if c.got[o.msg] {
		c.m.wrongf("client %d has an event twice: %d/%d", c.truth.id, o.msg.origin, o.msg.seq)
	}
	c.got[o.msg] = true
	switch {
	case o.pos == 0:
		c.void = c.m.lacks != lacksVoid
	case o.pos <= c.p:
		c.m.wrongf("client %d: position %d after %d", c.truth.id, o.pos, c.p)
	default:
		c.p, c.void = o.pos, false
	}
}

// check holds what the client has against the log, until a position.
func (c *logClient) check(until int) {
	if c.truth == nil || c.key == 0 {
		return
	}
	t, log := c.truth, c.m.log.state.all
	history := t.history(log)
	for _, e := range log {
		if e.pos <= t.start || e.pos > until || e.msg == nil || e.msg.kind != logEvent {
			continue
		}
		state := roomOut
		switch e.msg.id {
		case t.id:
			state = roomIn
		case 0:
			state = stateAt(history, e.msg.room, e.pos)
		}
		switch {
		case state == roomIn && !c.got[e.msg] && !t.concurred[e.msg] && !t.missed(e.pos):
			c.m.wrongf("client %d (recovered %t) has position %d, and not %d", t.id, c.recovered, until, e.pos)
		case state == roomOut && c.got[e.msg] && !t.locally[e.msg]:
			c.m.wrongf("client %d (recovered %t) has %d of a room that it is not in", t.id, c.recovered, e.pos)
		}
	}
}

// checkRooms holds the rooms of a client that has got everything against what was acknowledged.
func (c *logClient) checkRooms() {
	s := c.session
	history := c.truth.history(c.m.log.state.all)
	for room := range s.since {
		state := stateAt(history, room, s.node.applied+1)
		if state == roomIn && !s.in(room) || state == roomOut && s.in(room) {
			c.m.wrongf("client %d (recovered %t) is in room %d: %t, and has the acknowledgement of the opposite", s.id, c.recovered, room, s.in(room))
		}
	}
}

// cut ends the connection, or the wait for one. What was on its way is lost.
func (c *logClient) cut() {
	if c.session != nil {
		c.check(c.p)
	}
	c.session, c.claim = nil, nil
}

// connect comes to a node.
func (c *logClient) connect(n *logNode) {
	c.claim = &logClaim{node: n, client: c, key: c.key, p: c.p}
	n.claims = append(n.claims, c.claim)
	if c.key == 0 || c.p == noStay || c.void {
		c.claim.fail()
		return
	}
	c.claim.id, c.claim.truth = c.truth.id, c.truth
}
