package gateway

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// modelLog is one process of the service of a log: its state, and earlier ones, which are what a replica may have.
type modelLog struct {
	run     int
	m       *logModel
	state   modelState
	history []modelState
}

// modelState is not changed: each operation makes a new one.
type modelState struct {
	madeBy  int // the process that made the base
	base    int
	last    int
	entries []modelEntry // what is not trimmed
	all     []modelEntry // and all that was
	records map[int]modelRecord
	seqs    map[int]int // by origin: the last that was appended
}

// modelEntry is a message, or, without one, a new base.
type modelEntry struct {
	pos int
	msg *modelMsg
}

type logKind int

const (
	logEvent logKind = iota
	modelJoin
	modelLeave
	modelMarker // for no client: its way back ends a void phase
	modelLost   // in the place of messages that the node has dropped
)

// modelMsg is a message of a node for a client, or, when id is 0, for those in a room. Joins and leaves change the membership
// in room of client id.
type modelMsg struct {
	origin, seq int
	kind        logKind
	room, id    int
	lost        []*modelMsg // of modelLost
}

// selects reports whether a message is for a client that is in some rooms.
func (m *modelMsg) selects(id int, in func(room int) bool) bool {
	return m.kind < modelMarker && (m.id == id || m.id == 0 && in(m.room))
}

const (
	logRooms = 3
	noStay   = -1
	// modelBase is how far a new base is above what there was: more than can have been lost.
	modelBase = 1000
)

// modelRecord is what the service keeps of a client.
type modelRecord struct {
	owner, base int
	modelPlace
}

// modelPlace is which rooms a client is and was in: stays end with a position that is included.
type modelPlace struct {
	id    int
	since [logRooms]int // noStay: it is not in the room
	left  []modelStay
	floor int // positions before it are not known
	at    int // the node has applied it
}

type modelStay struct{ room, since, until int }

func (p *modelPlace) in(room int) bool { return p.since[room] != noStay }

// wasIn reports whether the client was in a room at a position.
func (p *modelPlace) wasIn(room, pos int) bool {
	return p.in(room) && p.since[room] < pos ||
		slices.ContainsFunc(p.left, func(s modelStay) bool { return s.room == room && s.since < pos && pos <= s.until })
}

const modelLeft = 3 // how many stays that have ended are kept

// move joins or leaves a room at a position, and reports whether that was a change.
func (p *modelPlace) move(room, pos int, join bool) bool {
	switch {
	case join == p.in(room):
		return false
	case join:
		p.since[room] = pos
		return true
	}
	p.left = append(slices.Clone(p.left), modelStay{room, p.since[room], pos})
	if len(p.left) > modelLeft {
		p.floor = max(p.floor, p.left[0].until)
		p.left = p.left[1:]
	}
	p.since[room] = noStay
	return true
}

// do makes an operation; earlier states stay for a failover.
func (l *modelLog) do(op func(s *modelState)) {
	l.history = append(l.history, l.state)
	if len(l.history) > 24 {
		l.history = l.history[1:]
	}
	op(&l.state)
}

// based starts a new base, unless this process has made the present one and has what the caller has read. A number at random keeps bases apart of
// processes that have not known of each other.
func (l *modelLog) based(s *modelState, read int) {
	if s.madeBy == l.run && (read <= s.last || l.m.lacks == lacksReadBase) {
		return
	}
	s.madeBy = l.run
	s.base = max(s.last, read, l.m.now) + modelBase + l.m.r.IntN(1<<30)
	s.last = s.base
	s.add(modelEntry{pos: s.base})
}

func (s *modelState) add(e modelEntry) {
	s.entries, s.all = append(slices.Clip(s.entries), e), append(slices.Clip(s.all), e)
}

// append appends a frame of one origin, unless it is there, or the base is another one than the node knows. It reports whether the frame is there,
// and the base.
func (l *modelLog) append(frame []*modelMsg, read, known int) (there bool, base int) {
	l.do(func(s *modelState) {
		o := frame[0].origin
		if there = frame[0].seq <= s.seqs[o] && l.m.lacks != lacksSeqOrder; there {
			return
		}
		l.based(s, read)
		base = s.base
		if there = known == base || l.m.lacks == lacksSameBase; !there {
			return
		}
		s.seqs = maps.Clone(s.seqs)
		s.seqs[o] = frame[len(frame)-1].seq
		for _, m := range frame {
			s.last++
			s.add(modelEntry{s.last, m})
		}
	})
	return there, base
}

// save stores a record, and reports whether its owner may. Only a first one may be new in its base.
func (l *modelLog) save(key int, r modelRecord, first bool) (saved bool) {
	l.do(func(s *modelState) {
		old, known := s.records[key]
		switch {
		case l.m.lacks == lacksFence:
		case known && old.owner != r.owner, !known && !first && l.m.lacks != lacksCreation:
			return
		}
		saved = true
		r.base = s.base
		s.records = maps.Clone(s.records)
		s.records[key] = r
	})
	return saved
}

// take makes owner the owner of a record.
func (l *modelLog) take(key, owner, read int) (r modelRecord, known bool) {
	l.do(func(s *modelState) {
		if l.m.lacks != lacksTakeBase {
			l.based(s, read)
		}
		if r, known = s.records[key]; !known || r.base != s.base && l.m.lacks != lacksTakeBase {
			known = false
			return
		}
		next := r
		next.owner = owner
		s.records = maps.Clone(s.records)
		s.records[key] = next
	})
	return r, known
}

// after returns the first entry after a position.
func (s *modelState) after(pos int) (modelEntry, bool) {
	i, _ := slices.BinarySearchFunc(s.entries, pos+1, func(e modelEntry, pos int) int { return e.pos - pos })
	if i == len(s.entries) {
		return modelEntry{}, false
	}
	return s.entries[i], true
}

func (l *modelLog) trim(r *rand.Rand) {
	l.do(func(s *modelState) {
		if n := len(s.entries); n > 0 {
			s.entries = s.entries[r.IntN(min(n, 8)):]
		}
	})
}

// failover returns the process that takes over, without the last operations.
func (l *modelLog) failover(r *rand.Rand, run int) *modelLog {
	states := append(slices.Clone(l.history), l.state)
	state := states[r.IntN(len(states))]
	return &modelLog{run: run, m: l.m, state: state}
}

func emptyLog(m *logModel) *modelLog {
	return &modelLog{run: 1, m: m, state: modelState{records: map[int]modelRecord{}, seqs: map[int]int{}}}
}
