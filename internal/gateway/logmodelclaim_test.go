package gateway

import "slices"

// logClaim is a client that comes to a node with a position.
type logClaim struct {
	node    *logNode
	client  *logClient
	key, p  int
	id      int
	truth   *modelTruth
	asked   claimState
	owner   int
	record  modelRecord
	entered *logSession // of the mutants that read later or earlier than they enter
	until   int
	altered bool // the record, by the log
	outs    []modelOut
}

type claimState int

const (
	claimNew claimState = iota
	claimAsked
	claimTaken
	claimRead    // lacksRecording: has read until a position
	claimEntered // lacksCatchUp: is in its rooms, and has not read
)

// step goes on with a claim.
func (c *logClaim) step() {
	n := c.node
	switch c.asked {
	case claimNew:
		c.check()
	case claimTaken:
		if n.mode != modeLog && n.m.lacks != lacksVoidClaims || n.applied < c.record.at && n.m.lacks != lacksAt {
			return // it waits
		}
		c.resume()
	case claimRead:
		c.enter()
	case claimEntered:
		c.late()
	}
}

func (c *logClaim) check() {
	n := c.node
	switch {
	case n.applied < c.p || n.mode != modeLog && n.m.lacks != lacksVoidClaims: // it waits
	case c.p < n.base || n.conn == nil:
		c.fail()
	default:
		c.asked = claimAsked
		n.m.owners++
		c.owner = n.m.owners
		conn := n.conn
		n.ask(func(l *modelLog) func() {
			r, known := l.take(c.key, c.owner, n.applied)
			return func() {
				if !slices.Contains(n.claims, c) || n.conn != conn {
					return
				}
				if c.record, c.asked = r, claimTaken; !known || r.id != c.id || c.p < r.floor {
					c.fail()
				}
			}
		})
	}
}

// resume reads what the client has missed and adds the client, in one step: nothing is applied between the last that it reads and its entry.
func (c *logClaim) resume() {
	n := c.node
	if c.p < n.base {
		c.fail()
		return
	}
	switch n.m.lacks {
	case lacksRecording:
		if c.read(&c.record.modelPlace, n.applied) {
			c.until, c.asked = n.applied, claimRead
		}
	case lacksCatchUp:
		c.until, c.asked = n.applied, claimEntered
		c.entered = c.session()
		c.entered.version++ // holds what comes now
		n.sessions = append(n.sessions, c.entered)
	default:
		if c.read(&c.record.modelPlace, n.applied) {
			c.enter()
		}
	}
}

// read evaluates the messages after p until a position, and reports whether they are all there.
func (c *logClaim) read(place *modelPlace, until int) bool {
	n := c.node
	for pos := c.p + 1; pos <= until; pos++ {
		e, ok := n.has(pos)
		if !ok {
			c.fail()
			return false
		}
		if e.msg == nil {
			continue
		}
		if e.msg.kind == modelLost && n.m.lacks != lacksLostRead {
			c.fail()
			return false
		}
		in := func(room int) bool { return place.wasIn(room, pos) }
		if pos > place.at || n.m.lacks == lacksStays {
			in = place.in
		}
		for _, msg := range e.msg.lost {
			c.truth.lacks = c.truth.lacks || msg.kind == logEvent && msg.selects(place.id, in) && !c.client.got[msg]
		}
		switch {
		case !e.msg.selects(place.id, in):
		case e.msg.kind == logEvent:
			c.outs = append(c.outs, modelOut{msg: e.msg, pos: pos})
		case pos > place.at && place.move(e.msg.room, pos, e.msg.kind == modelJoin):
			c.altered = true
			c.truth.applied[e.msg] = pos
		}
	}
	return true
}

// has returns what is at a position: in the node's tail, or in the log.
func (n *logNode) has(pos int) (modelEntry, bool) {
	if len(n.tail) > 0 && n.tail[0].pos <= pos {
		i := slices.IndexFunc(n.tail, func(e modelEntry) bool { return e.pos == pos })
		if i < 0 {
			return modelEntry{}, false
		}
		return n.tail[i], true
	}
	if n.conn == nil {
		return modelEntry{}, false
	}
	e, ok := n.conn.log.state.after(pos - 1)
	return e, ok && e.pos == pos
}

func (c *logClaim) session() *logSession {
	s := &logSession{modelPlace: c.record.modelPlace, node: c.node, client: c.client, owner: c.owner, key: c.key, truth: c.truth}
	s.savedBase = c.record.base
	return s
}

// enter adds the session.
func (c *logClaim) enter() {
	n := c.node
	s := c.session()
	n.sessions = append(n.sessions, s)
	if c.altered {
		s.changed()
	}
	c.answer(s)
}

func (c *logClaim) answer(s *logSession) {
	if c.truth.lacks {
		c.node.m.wrongf("client %d is recovered, and lacks an event that was dropped", c.truth.id)
	}
	at := 0
	if c.node.m.lacks == lacksOldPos {
		at = c.node.applied
	}
	s.send(modelOut{connect: &logConnect{id: s.id, key: s.key, pos: at, recovered: true}})
	for _, o := range c.outs {
		s.send(o)
	}
	c.done(s)
}

// late reads after the session has entered with the rooms of the record.
func (c *logClaim) late() {
	s := c.entered
	if s.ended {
		c.fail()
		return
	}
	recorded := s.held
	s.held = nil
	place := c.record.modelPlace
	if !c.read(&place, c.until) {
		s.end()
		return
	}
	for room := range place.since { // what was joined or left meanwhile
		if place.in(room) != c.record.in(room) {
			s.move(room, c.until, place.in(room))
		}
	}
	if s.version == 1 && !c.altered {
		s.confirmed = 1
	}
	c.answer(s)
	for _, o := range recorded {
		s.send(o.modelOut)
	}
}

func (c *logClaim) done(s *logSession) {
	n := c.node
	n.claims = slices.DeleteFunc(n.claims, func(x *logClaim) bool { return x == c })
	if c.client.claim == c {
		c.client.claim, c.client.session = nil, s
	}
}

// fail has the client be a new one.
func (c *logClaim) fail() {
	n := c.node
	if c.client.claim != c {
		n.claims = slices.DeleteFunc(n.claims, func(x *logClaim) bool { return x == c })
		return
	}
	s := &logSession{node: n, client: c.client, savedBase: noStay}
	s.since = [logRooms]int{noStay, noStay, noStay}
	n.m.ids++
	n.m.owners++
	s.id, s.owner, s.at, s.floor = n.m.ids, n.m.owners, n.applied, n.applied
	if n.conn != nil && n.mode == modeLog {
		s.key = s.id
		s.changed()
	}
	s.truth = newTruth(s.id, n.applied)
	n.sessions = append(n.sessions, s)
	s.send(modelOut{connect: &logConnect{id: s.id, key: s.key, pos: n.applied}})
	c.done(s)
}
