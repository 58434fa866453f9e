package gateway

import "slices"

// modelConn is a connection of a node to the log: what is on its way there, and what returns.
type modelConn struct {
	log     *modelLog
	asks    []func(l *modelLog) (answer func())
	answers []func()
}

// logNode is a node from its start to its end.
type logNode struct {
	m        *logModel
	name     int
	conn     *modelConn // nil: the log is not reachable
	state    nodeMode
	base     int
	applied  int
	tail     []modelEntry // what it has applied, lately
	sessions []*logSession
	claims   []*logClaim

	seq     int
	numbers map[int]int // of other nodes
	modelSender
	pending []*modelMsg // own events that have not returned
	local   int         // the highest number that was delivered locally
	mode    localMode
}

type nodeMode int

const (
	nodeRuns nodeMode = iota
	nodeFrozen
	nodeKilled
)

type localMode int

const (
	modeLog   localMode = iota
	modeVoid            // events have no positions until an own message returns that was not delivered locally
	modeLocal           // own events are delivered at once
)

func (n *logNode) void() bool { return n.mode != modeLog && n.m.lacks != lacksVoid }

// emit sends a message.
func (n *logNode) emit(msg modelMsg) {
	n.seq++
	msg.origin, msg.seq = n.name, n.seq
	n.pending = append(n.pending, &msg)
	full := n.m.full && len(n.outbox) >= 4 && n.m.r.IntN(2) == 0
	if full {
		n.dropped = append(n.dropped, &msg)
	} else {
		n.outbox = append(n.outbox, &msg)
	}
	if n.mode == modeLocal || full {
		n.deliverLocally()
	}
}

// deliverLocally delivers own messages that have not returned, without positions.
func (n *logNode) deliverLocally() {
	n.mode = modeLocal
	for _, msg := range n.pending {
		if msg.seq <= n.local || msg.kind == modelMarker {
			continue
		}
		n.local = msg.seq
		if msg.kind != logEvent && n.m.lacks == lacksLocalMoves {
			continue
		}
		for _, s := range n.sessions {
			s.apply(msg, 0)
		}
	}
}

func (n *logNode) ask(f func(l *modelLog) func()) { n.conn.asks = append(n.conn.asks, f) }

// serve has the log do what was asked first, or the node take the first answer.
func (n *logNode) serve() {
	c := n.conn
	switch {
	case len(c.answers) > 0 && n.m.r.IntN(2) == 0:
		f := c.answers[0]
		c.answers = c.answers[1:]
		f()
	case len(c.asks) > 0:
		f := c.asks[0]
		c.asks = c.asks[1:]
		if answer := f(c.log); answer != nil {
			c.answers = append(c.answers, answer)
		}
	}
}

// cut ends the connection to the log. What was sent may arrive later, without an answer.
func (n *logNode) cut() {
	if n.conn == nil {
		return
	}
	for _, f := range n.conn.asks {
		if n.m.r.IntN(2) == 0 {
			n.m.stray = append(n.m.stray, f)
		}
	}
	n.conn, n.asked = nil, false
	for _, s := range slices.Clone(n.sessions) {
		if s.saving && n.m.lacks == lacksSaveOnce {
			s.saving = false
		} else if s.saving {
			s.end()
		}
	}
	for _, c := range slices.Clone(n.claims) {
		if c.asked == claimAsked {
			c.fail()
		}
	}
}

// read applies the next entry of the log.
func (n *logNode) read() {
	e, ok := n.conn.log.state.after(n.applied)
	if !ok {
		return
	}
	if e.msg == nil || e.pos != n.applied+1 {
		for _, s := range n.sessions {
			s.missed(n.applied, e.pos)
			if e.msg != nil {
				s.forget()
			}
		}
	}
	if e.msg != nil && e.pos != n.applied+1 {
		n.numbers = map[int]int{}
	}
	if n.applied = e.pos; len(n.tail) > 6+n.name%5 {
		n.tail = n.tail[1:]
	}
	n.tail = append(n.tail, e)
	if e.msg == nil {
		n.base = e.pos
		for _, s := range n.sessions {
			if n.m.lacks != lacksBaseSave {
				s.changed()
			}
		}
		return
	}
	n.apply(e)
}

func (n *logNode) apply(e modelEntry) {
	own := e.msg.origin == n.name
	if own {
		n.returned(e.msg)
	} else if !n.accept(e.msg) {
		return
	}
	if own && n.mode == modeVoid && e.msg.seq > n.local {
		n.mode = modeLog
	}
	skip := own && e.msg.seq <= n.local && (n.m.lacks != lacksLocalMoves || e.msg.kind == logEvent)
	for _, s := range n.sessions {
		if skip {
			s.skipped(e.msg)
		} else {
			s.apply(e.msg, e.pos)
		}
	}
}

// modelOut is what a client is sent: an event, an acknowledgement of a change of rooms, or the answer of its connection.
type modelOut struct {
	msg     *modelMsg
	pos     int // of the event; 0: none
	fact    *modelFact
	connect *logConnect
}

type logConnect struct {
	id, key, pos int
	recovered    bool
}

// logSession is a client at a node.
type logSession struct {
	modelPlace

	node   *logNode
	client *logClient
	truth  *modelTruth
	owner  int
	key    int // 0: no record

	version, confirmed int // of the record
	savedBase          int // of the last save that was confirmed; noStay: none
	held               []heldOut
	moved              [logRooms]*modelMsg // by which it has joined or left last, here
	wire               []modelOut
	saving, ended      bool
}

type heldOut struct {
	version int
	modelOut
}

func (s *logSession) send(o modelOut) {
	if s.key != 0 && s.version > s.confirmed && s.node.m.lacks != lacksCommit {
		s.held = append(s.held, heldOut{s.version, o})
		return
	}
	s.wire = append(s.wire, o)
}

func (s *logSession) changed() { s.version++ }

// apply applies a message: with position 0 it is delivered locally.
func (s *logSession) apply(msg *modelMsg, pos int) {
	if !msg.selects(s.id, s.in) {
		return
	}
	at := s.node.applied
	switch {
	case msg.kind != logEvent:
		if pos == 0 {
			s.truth.fact(at, msg.room, msg.kind == modelJoin)
		}
		if s.client.session == s && pos == 0 {
			s.truth.locally[msg] = true
		} else if pos == 0 {
			s.truth.concurred[msg] = true
		} else if s.client.session == s {
			s.truth.applied[msg] = pos
		}
		s.moved[msg.room] = msg
		if s.move(msg.room, at, msg.kind == modelJoin) && s.node.m.lacks != lacksLogHold {
			s.changed()
		}
	default:
		if pos == 0 {
			if s.client.session == s {
				s.truth.locally[msg] = true
			}
		} else if s.node.void() {
			pos = 0
		}
		s.send(modelOut{msg: msg, pos: pos})
	}
}

// missed notes that the node lacks what is between two positions, and has reported it.
func (s *logSession) missed(after, before int) {
	if s.client.session == s {
		s.truth.gaps = append(s.truth.gaps, [2]int{after, before})
	}
}

// skipped notes that an own message has returned that the client did not get when it was delivered locally: it has joined since.
func (s *logSession) skipped(msg *modelMsg) {
	if s.client.session == s && !s.truth.locally[msg] && msg.selects(s.id, s.in) {
		by := s.moved[msg.room]
		s.truth.concurred[msg] = by != nil && msg.id == 0 && (by.origin != msg.origin || by.seq > msg.seq)
	}
}

// change joins or leaves by a handler at the node, which answers the client or not.
func (s *logSession) change(room int, join, answers bool) {
	at := s.node.applied
	s.moved[room] = &modelMsg{}
	if s.move(room, at, join) {
		s.changed()
	}
	f := s.truth.fact(at, room, join)
	if answers {
		s.send(modelOut{fact: f})
	}
}

// save saves what has changed.
func (s *logSession) save() {
	n := s.node
	if s.key == 0 || s.saving || s.version == s.confirmed || n.mode != modeLog && n.m.lacks != lacksVoidPause {
		return
	}
	s.saving = true
	v, base, r := s.version, n.base, modelRecord{owner: s.owner, modelPlace: s.modelPlace}
	r.at = n.applied
	first := s.savedBase != base
	conn := n.conn
	n.ask(func(l *modelLog) func() {
		saved := l.save(s.key, r, first)
		return func() {
			switch {
			case n.conn != conn || s.ended:
			case !saved:
				s.end()
			default:
				s.saving, s.confirmed, s.savedBase = false, v, base
				s.release()
			}
		}
	})
}

func (s *logSession) release() {
	for len(s.held) > 0 && s.held[0].version <= s.confirmed {
		s.wire = append(s.wire, s.held[0].modelOut)
		s.held = s.held[1:]
	}
}

// end closes the connection of the client; what is on its way arrives.
func (s *logSession) end() {
	s.ended, s.held = true, nil
	s.node.sessions = slices.DeleteFunc(s.node.sessions, func(x *logSession) bool { return x == s })
}
