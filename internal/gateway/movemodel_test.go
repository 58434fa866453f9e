package gateway

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// moveModel is the protocol of moves with three nodes, one client in two rooms, and links of random delays: those of the moves
// overtake those of events. Each origin sends events to a room, and removes the client from a room.
type moveModel struct {
	r       *rand.Rand
	plain   lacking     // what the model leaves out
	log     [3][]moveOp // by origin: what it has sent
	applied [3][3]int   // node, origin
	atA     moveClient
	atB     moveClient
}

// lacking is a protocol that lacks something.
type lacking int

const (
	lacksNothing lacking = iota
	lacksNumbers         // B takes what A sends first, and all that it has recorded
	lacksWait            // B does not wait until it has delivered what A had
	lacksRooms           // B does not compare the rooms
)

type moveOp struct {
	origin, seq, room int
	leaves            bool
}

type moveClient struct {
	in       [2]bool // rooms
	on       bool    // records
	recorded []moveOp
}

func (c *moveClient) apply(op moveOp) {
	switch {
	case !c.on:
	case op.leaves:
		c.in[op.room] = false
	case c.in[op.room]:
		c.recorded = append(c.recorded, op)
	}
}

func (m *moveModel) deliver(node, origin int) {
	op := m.log[origin][m.applied[node][origin]]
	m.applied[node][origin]++
	switch node {
	case 0:
		m.atA.apply(op)
	case 1:
		m.atB.apply(op)
	}
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

// covers reports whether a node has delivered v.
func (m *moveModel) covers(node int, v [3]int) bool {
	for o := range v {
		if m.applied[node][o] < v[o] {
			return false
		}
	}
	return true
}

// run returns what is wrong with what the client gets; "" for nothing.
func (m *moveModel) run() string {
	const total = 30
	steps := func(n int) {
		for range m.r.IntN(n) {
			m.step(total)
		}
	}
	m.atA = moveClient{in: [2]bool{true, true}, on: true}
	steps(60)
	offset := m.r.IntN(len(m.atA.recorded) + 1)
	got := append([]moveOp(nil), m.atA.recorded[:offset]...)
	steps(20)
	m.atB = moveClient{in: m.atA.in} // the first answer
	first, firstW := append([]moveOp(nil), m.atA.recorded[offset:]...), m.applied[0]
	steps(20)
	m.atB.on = true
	with := m.atB.in
	v := m.applied[1]
	missed, w := first, firstW
	for round := 0; m.plain != lacksNumbers; round++ {
		if round == maxRounds {
			return "" // a new client
		}
		steps(20)
		for !m.covers(0, v) {
			m.step(total)
		}
		missed, w = append([]moveOp(nil), m.atA.recorded[offset:]...), m.applied[0]
		rooms := m.atA.in
		steps(20)
		left := false
		for r := range rooms {
			left = left || with[r] && !rooms[r]
			if m.plain < lacksRooms {
				m.atB.in[r] = m.atB.in[r] && rooms[r]
			}
		}
		if !left || m.plain == lacksRooms {
			break
		}
		m.atB.recorded, v, with = nil, m.applied[1], m.atB.in
	}
	got = append(got, missed...)
	m.atA.on = false
	for m.plain != lacksWait && m.plain != lacksNumbers && !m.covers(1, w) {
		m.step(total)
	}
	steps(20)
	for _, op := range m.atB.recorded {
		if m.plain == lacksNumbers || op.seq > w[op.origin] {
			got = append(got, op)
		}
	}
	m.atB.recorded = nil // from now on the client is connected
	steps(60)
	return m.check(append(got, m.atB.recorded...))
}

// check holds what the client has got against what was sent.
func (m *moveModel) check(got []moveOp) string {
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
		for _, op := range m.log[o][:m.applied[1][o]] {
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

// TestMoveModel: with the protocol of moves no schedule loses or repeats an event, or changes the order of an origin; without
// the numbers, the wait or the comparison of rooms, some do.
func TestMoveModel(t *testing.T) {
	const seeds = 3000
	for plain, name := range []string{"complete", "without numbers", "without the wait", "without rooms"} {
		wrong, first := 0, ""
		for seed := range uint64(seeds) {
			m := &moveModel{r: rand.New(rand.NewPCG(seed, 1)), plain: lacking(plain)}
			if bad := m.run(); bad != "" {
				if wrong++; first == "" {
					first = fmt.Sprintf("seed %d: %s", seed, bad)
				}
			}
		}
		if (wrong > 0) != (lacking(plain) != lacksNothing) {
			t.Errorf("%s: %d of %d schedules are wrong: %s", name, wrong, seeds, first)
		}
		t.Logf("%s: %d of %d schedules are wrong: %s", name, wrong, seeds, first)
	}
}
