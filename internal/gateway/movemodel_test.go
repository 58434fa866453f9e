package gateway

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// moveModel is the protocol of moves with three nodes, one client in two rooms, and links of random delays: those of the moves
// overtake those of events. Each origin sends events to a room, and removes the client from a room. The client moves from node
// 0 to node 1. With parked, node 0 stops and node 1 is the keeper: the client comes to node 2, and moves there from the keeper. With
// back, it moves from node 1 to node 0 again, with the same private id.
type moveModel struct {
	r       *rand.Rand
	plain   lacking // what the model leaves out
	parked  bool
	back    bool
	log     [3][]moveOp // by origin: what it has sent
	applied [3][3]int   // node, origin
	at      [3]moveClient
}

// lacking is a protocol that lacks something.
type lacking int

const (
	lacksNothing   lacking = iota
	lacksNumbers           // B takes what A sends first, and all that it has recorded
	lacksLate              // B delivers what arrives late: what A had before it
	lacksRooms             // B does not compare the rooms
	lacksPositions         // the keeper does not know which events the client may have, and sends all
	lacksKeeping           // the keeper does not record what the client misses meanwhile
)

var movesWithout = []string{"nothing", "numbers", "the late ones", "the rooms", "positions", "keeping"}

type moveOp struct {
	origin, seq, room int
	leaves            bool
}

type moveClient struct {
	in       [2]bool // rooms
	late     [3]int  // what it has got already of each origin
	on       bool    // records
	recorded []moveOp
}

func (c *moveClient) apply(op moveOp) {
	switch {
	case !c.on:
	case op.seq <= c.late[op.origin]:
	case op.leaves:
		c.in[op.room] = false
	case c.in[op.room]:
		c.recorded = append(c.recorded, op)
	}
}

func (m *moveModel) deliver(node, origin int) {
	op := m.log[origin][m.applied[node][origin]]
	m.applied[node][origin]++
	m.at[node].apply(op)
}

// step sends something, or delivers something that is on its way.
func (m *moveModel) step(total int) {
	o := m.r.IntN(3)
	if m.r.IntN(2) == 0 {
		if len(m.log[o]) < total {
			m.log[o] = append(m.log[o], moveOp{o, len(m.log[o]) + 1, m.r.IntN(2), m.r.IntN(40) == 0})
			m.deliver(o, o)
		}
		return
	}
	if d := m.r.IntN(3); d != o && m.applied[d][o] < len(m.log[o]) && m.r.IntN(1+o+d) == 0 {
		m.deliver(d, o)
	}
}

// has returns what a client at a node has got of each origin.
func (m *moveModel) has(node int) (v [3]int) {
	for o := range v {
		v[o] = max(m.applied[node][o], m.at[node].late[o])
	}
	return v
}

// covers reports whether a client at a node has got v.
func (m *moveModel) covers(node int, v [3]int) bool {
	for o, n := range m.has(node) {
		if n < v[o] {
			return false
		}
	}
	return true
}

const modelEvents = 30 // of each origin

// steps runs some steps.
func (m *moveModel) steps(n int) {
	for range m.r.IntN(n) {
		m.step(modelEvents)
	}
}

// run returns what is wrong with what the client gets; "" for nothing.
func (m *moveModel) run() string {
	m.at[0] = moveClient{in: [2]bool{true, true}, on: true}
	m.steps(60)
	offset := m.r.IntN(len(m.at[0].recorded) + 1)
	got := append([]moveOp(nil), m.at[0].recorded[:offset]...)
	last := 1
	if !m.move(0, 1) {
		return "" // a new client
	}
	switch {
	case m.back:
		m.steps(60)
		if last = 0; !m.move(1, 0) {
			return ""
		}
	case m.parked:
		if m.at[1].on = m.plain != lacksKeeping; !m.at[1].on {
			m.steps(20)
		}
		m.steps(60)
		if m.plain == lacksPositions {
			offset = 0
		}
		if last = 2; !m.move(1, 2) {
			return ""
		}
	}
	m.steps(60)
	return m.check(append(got, m.at[last].recorded[offset:]...), last)
}

// move moves the client from node A to node B, with all that it was sent or has missed: how much of that it has received is known where it
// comes to. It reports false when the client is a new one.
func (m *moveModel) move(a, b int) bool {
	from, to := &m.at[a], &m.at[b]
	*to = moveClient{} // nothing is left of an earlier stay
	m.steps(20)
	to.in = from.in // the first answer
	missed, w := append([]moveOp(nil), from.recorded...), m.has(a)
	m.steps(20)
	to.on = true
	with := to.in
	v := m.applied[b]
	for round := 0; m.plain != lacksNumbers; round++ {
		if round == maxRounds {
			return false
		}
		m.steps(20)
		for !m.covers(a, v) {
			m.step(modelEvents)
		}
		missed, w = append([]moveOp(nil), from.recorded...), m.has(a)
		rooms := from.in
		m.steps(20)
		left := false
		for r := range rooms {
			left = left || with[r] && !rooms[r]
			if m.plain != lacksRooms {
				to.in[r] = to.in[r] && rooms[r]
			}
		}
		if !left || m.plain == lacksRooms {
			break
		}
		to.recorded, v, with = nil, m.applied[b], to.in
	}
	from.on = false
	m.steps(20)
	for _, op := range to.recorded {
		if m.plain == lacksNumbers || op.seq > w[op.origin] {
			missed = append(missed, op)
		}
	}
	if m.plain != lacksLate && m.plain != lacksNumbers {
		to.late = w
	}
	to.recorded = missed // what comes now follows it: the client is connected, or the keeper records
	return true
}

// check holds what the client has got, which is at a node, against what was sent.
func (m *moveModel) check(got []moveOp, node int) string {
	var last [3]int
	has := map[moveOp]bool{}
	for _, op := range got {
		if op.seq <= last[op.origin] {
			return fmt.Sprintf("origin %d: %d after %d", op.origin, op.seq, last[op.origin])
		}
		last[op.origin] = op.seq
		has[op] = true
	}
	var leftBy [2][3]int // room, origin: the number with which it was left
	for o := range m.log {
		for _, op := range m.log[o] {
			if op.leaves && leftBy[op.room][o] == 0 {
				leftBy[op.room][o] = op.seq
			}
		}
	}
	for o := range m.log {
		for _, op := range m.log[o][:m.applied[node][o]] {
			left := leftBy[op.room]
			switch {
			case op.leaves:
			case left[o] > 0 && left[o] < op.seq:
				if has[op] {
					return fmt.Sprintf("origin %d: %d of a room that was left with %d", o, op.seq, left[o])
				}
			case left == [3]int{} || left[o] > 0 && left == only(o, left[o]):
				if !has[op] {
					return fmt.Sprintf("origin %d: %d is lost", o, op.seq)
				}
			}
		}
	}
	return ""
}

func only(o, seq int) (v [3]int) {
	v[o] = seq
	return v
}

// TestMoveModel: with the protocol of moves no schedule loses or repeats an event, or changes the order of an origin, whether a client moves
// to another node, and back, or is parked by one that stops; without one of its parts some do.
func TestMoveModel(t *testing.T) {
	const seeds = 3000
	for _, way := range []string{"once", "back", "parked"} {
		for plain, name := range movesWithout {
			if way != "parked" && lacking(plain) >= lacksPositions {
				continue
			}
			wrong, first := 0, ""
			for seed := range uint64(seeds) {
				m := &moveModel{r: rand.New(rand.NewPCG(seed, 1)), plain: lacking(plain), parked: way == "parked", back: way == "back"}
				if bad := m.run(); bad != "" {
					if wrong++; first == "" {
						first = fmt.Sprintf("seed %d: %s", seed, bad)
					}
				}
			}
			t.Logf("%s, without %s: %d of %d schedules are wrong: %s", way, name, wrong, seeds, first)
			if (wrong > 0) != (lacking(plain) != lacksNothing) {
				t.Errorf("%s, without %s: %d of %d schedules are wrong: %s", way, name, wrong, seeds, first)
			}
		}
	}
}
