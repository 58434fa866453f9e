package gateway

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// searchModel is the search for a client that keeps its private id: four nodes, and the messages between them, which arrive at any
// time, those from one node to another in order. The client has been at some nodes. Then connections at other nodes name it at the same
// time, and a node may stop, and park it.
type searchModel struct {
	r     *rand.Rand
	plain searchLacks // what the model leaves out
	maker int         // the node that has made the private id
	moves int
	nodes [searchNodes]searchNode
	onWay [searchNodes][searchNodes][]func() // from, to
}

const searchNodes = 4

// searchLacks is a search that lacks something.
type searchLacks int

const (
	searchLacksNothing searchLacks = iota
	searchLacksOthers              // only the likely node is asked, and those that it names
	searchLacksPlaces              // nodes do not say where the client has gone
	searchLacksOrder               // a node that two ask releases it to both
	searchLacksRepeat              // no node is asked again because one has left
)

var searchesWithout = []string{"nothing", "the other nodes", "where it has gone", "an order of two claims", "asking again"}

type searchNode struct {
	has     bool
	moved   int // where it has gone; -1: unknown
	since   int // the number of that move
	to      *searchClaim
	waits   []func()          // for the outcome of to
	lives   [searchNodes]bool // the others, as this one knows
	stopped bool
	claims  []*searchClaim // of this node
}

// searchClaim is a connection that names the client, or a keeper.
type searchClaim struct {
	at     int
	from   *searchNode // that has released it
	asked  [searchNodes]int
	open   []int             // that have not answered
	moved  []int             // where it has gone, as they say
	lived  [searchNodes]bool // the others, when it has asked the first
	went   int               // where it has gone from here
	over   bool
	got    bool   // it was the client
	parked func() // of a keeper: it has the client, or not
}

func (m *searchModel) send(from, to int, f func()) { m.onWay[from][to] = append(m.onWay[from][to], f) }

// step has a message arrive, and reports false when there is none.
func (m *searchModel) step() bool {
	var ways []*[]func()
	for from := range m.onWay {
		for to := range m.onWay[from] {
			if way := &m.onWay[from][to]; len(*way) > 0 {
				ways = append(ways, way)
			}
		}
	}
	if len(ways) == 0 {
		return false
	}
	way := ways[m.r.IntN(len(ways))]
	f := (*way)[0]
	*way = (*way)[1:]
	f()
	return true
}

// claim is moves.claim.
func (m *searchModel) claim(c *searchClaim) {
	n := &m.nodes[c.at]
	switch {
	case n.to != nil:
		n.waits = append(n.waits, func() { m.claim(c) })
	case n.has:
		m.end(c, true)
	default:
		c.lived, c.went = n.lives, n.moved
		m.ask(c, m.likely(c.at))
	}
}

func (m *searchModel) likely(at int) []int {
	n := &m.nodes[at]
	for _, id := range []int{n.moved, m.maker} {
		if id >= 0 && n.lives[id] {
			return []int{id}
		}
	}
	return nil
}

// ask asks nodes; those that were not asked, without any.
func (m *searchModel) ask(c *searchClaim, nodes []int) {
	if len(nodes) == 0 && m.plain != searchLacksOthers {
		for id, lives := range m.nodes[c.at].lives {
			if lives && c.asked[id] == 0 {
				nodes = append(nodes, id)
			}
		}
	}
	if len(nodes) == 0 {
		m.end(c, m.nodes[c.at].has)
		return
	}
	c.open, c.moved = slices.Clone(nodes), nil
	for _, id := range nodes {
		c.asked[id]++
		m.send(c.at, id, func() { m.release(c, id) })
	}
}

// release is moves.release.
func (m *searchModel) release(c *searchClaim, id int) {
	n := &m.nodes[id]
	switch {
	case n.stopped: // the others learn of it
	case n.to != nil && m.plain != searchLacksOrder:
		n.waits = append(n.waits, func() { m.release(c, id) })
	case n.has:
		n.to = c
		m.send(id, c.at, func() { m.answered(c, id, true, -1) })
	default:
		moved := n.moved
		if m.plain == searchLacksPlaces {
			moved = -1
		}
		m.send(id, c.at, func() { m.answered(c, id, false, moved) })
	}
}

// answered is claim.answered.
func (m *searchModel) answered(c *searchClaim, id int, has bool, moved int) {
	i := slices.Index(c.open, id)
	switch {
	case has && (c.over || c.from != nil || i < 0): // it is not claimed any more
		m.send(c.at, id, func() { m.outcome(c, id, false) })
	case has:
		c.from = &m.nodes[id]
		to := &m.nodes[c.at]
		to.has, to.moved = true, -1
		m.send(c.at, id, func() { m.outcome(c, id, true) })
		m.end(c, true)
	case i >= 0:
		c.open = slices.Delete(c.open, i, i+1)
		if moved >= 0 {
			c.moved = append(c.moved, moved)
		}
		m.next(c)
	}
}

// next is what moves.claim does when all nodes have answered.
func (m *searchModel) next(c *searchClaim) {
	if c.over || len(c.open) > 0 {
		return
	}
	if c.parked != nil {
		m.end(c, false)
		return
	}
	if lives := m.nodes[c.at].lives; lives != c.lived && m.plain != searchLacksRepeat {
		c.asked, c.lived = [searchNodes]int{}, lives
	}
	n := &m.nodes[c.at]
	if n.to != nil {
		n.waits = append(n.waits, func() { m.next(c) })
		return
	}
	if n.moved < 0 && slices.Contains(c.moved, c.at) { // it has come here by now
		m.end(c, n.has)
		return
	}
	if n.moved != c.went && n.moved >= 0 {
		c.moved, c.went = append(c.moved, n.moved), n.moved
	}
	slices.Sort(c.moved)
	m.ask(c, slices.DeleteFunc(slices.Compact(c.moved), func(id int) bool { return c.asked[id] > 1 || !m.nodes[c.at].lives[id] }))
}

// outcome is departure.end.
func (m *searchModel) outcome(c *searchClaim, id int, moved bool) {
	n := &m.nodes[id]
	if n.to == c {
		n.to = nil
	}
	if moved {
		m.moves++
		n.has, n.moved, n.since = false, c.at, m.moves
	}
	waits := n.waits
	n.waits = nil
	for _, f := range waits {
		f()
	}
}

func (m *searchModel) end(c *searchClaim, got bool) {
	c.over, c.got = true, got
	if c.parked != nil {
		c.parked()
	}
}

// stop has a node park the client, if it has it, and leave.
func (m *searchModel) stop(id, keeper int) {
	n := &m.nodes[id]
	switch {
	case n.to != nil:
		n.waits = append(n.waits, func() { m.stop(id, keeper) })
	case n.has:
		c := &searchClaim{at: keeper, open: []int{id}}
		c.parked = func() { m.send(keeper, id, func() { m.stop(id, keeper) }) }
		m.send(id, keeper, func() {
			m.nodes[keeper].claims = append(m.nodes[keeper].claims, c)
			m.send(keeper, id, func() { m.release(c, id) })
		})
	default:
		n.stopped = true
		for other := range m.nodes {
			m.send(id, other, func() { m.leave(other, id) })
		}
	}
}

// leave is moves.membersChanged.
func (m *searchModel) leave(at, gone int) {
	n := &m.nodes[at]
	n.lives[gone] = false
	for _, c := range n.claims {
		if i := slices.Index(c.open, gone); i >= 0 && !c.over {
			c.open = slices.Delete(c.open, i, i+1)
			m.next(c)
		}
	}
}

// run returns what is wrong; "" for nothing.
func (m *searchModel) run() string {
	m.maker = m.r.IntN(searchNodes)
	for id := range m.nodes {
		m.nodes[id].moved = -1
		for other := range m.nodes {
			m.nodes[id].lives[other] = other != id
		}
	}
	at := m.r.IntN(searchNodes)
	m.nodes[at].has = true
	for range m.r.IntN(4) { // one after the other
		m.start(m.r.IntN(searchNodes))
		for m.step() {
		}
		over := m.r.IntN(m.moves + 1)
		for id := range m.nodes {
			if m.nodes[id].since <= over {
				m.nodes[id].moved = -1 // it was long ago
			}
		}
	}
	stops := m.r.IntN(2 * searchNodes) // often none
	var all []*searchClaim
	for range 2 {
		if id := m.r.IntN(searchNodes); id != stops {
			all = append(all, m.start(id))
		}
		for range m.r.IntN(6) {
			m.step()
		}
	}
	if stops < searchNodes {
		m.stop(stops, (stops+1+m.r.IntN(searchNodes-1))%searchNodes)
	}
	for m.step() {
	}
	for i, c := range all {
		if !c.over || !c.got {
			return fmt.Sprintf("connection %d at node %d is a new client", i, c.at)
		}
	}
	has := 0
	for _, n := range m.nodes {
		if n.has {
			has++
		}
	}
	if has != 1 {
		return fmt.Sprintf("%d nodes have the client", has)
	}
	return ""
}

// start has a connection name the client.
func (m *searchModel) start(at int) *searchClaim {
	c := &searchClaim{at: at}
	m.nodes[at].claims = append(m.nodes[at].claims, c)
	m.claim(c)
	return c
}

// TestSearchModel: whatever nodes a client has been at, each connection that names its private id finds it, and one node has it in the end;
// without one of its parts the search fails in some schedules.
func TestSearchModel(t *testing.T) {
	const seeds = 20_000
	for plain, name := range searchesWithout {
		wrong, first := 0, ""
		for seed := range uint64(seeds) {
			m := &searchModel{r: rand.New(rand.NewPCG(seed, 2)), plain: searchLacks(plain)}
			if bad := m.run(); bad != "" {
				if wrong++; first == "" {
					first = fmt.Sprintf("seed %d: %s", seed, bad)
				}
			}
		}
		t.Logf("without %s: %d of %d schedules are wrong: %s", name, wrong, seeds, first)
		if (wrong > 0) != (searchLacks(plain) != searchLacksNothing) {
			t.Errorf("without %s: %d of %d schedules are wrong: %s", name, wrong, seeds, first)
		}
	}
}
