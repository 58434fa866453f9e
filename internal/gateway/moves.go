package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Clients that may be recovered move between nodes, see [adapter.Handover]. A has the client, which has come to B:
//
//	B → A  Claim      private id, position, digests of its identities
//	A → B  Claimed    id and rooms. The client is suspended at A, which records what it misses
//	                  B adds it to its rooms, suspended too, and records; it notes V, what it has delivered by then
//	B → A  ClaimMore  V
//	A → B  Claimed    once A has delivered V: what the client has missed, and W, what A has delivered by then
//	B → A  ClaimDone  the client is B's, or stays at A
//
// V and W are the number of the last message for clients of each node that the client has got there. What B has recorded up to W
// is in what A has sent, and is left out; the rest follows it. What is in W and arrives at B later is not sent to the client
// again. So the client gets each event once, and those of one node in order: TestMoveModel has the proof by trial. It depends
// on one thing: that V and W are exact. So with handover, numbering and delivering an event is one step, for which gate is held
// for reading; V and W are noted with gate held for writing.
//
// A removal from a room that only A has seen would be lost, so B checks the rooms of the second answer against its own,
// and asks once more when they differ.
//
// Whatever fails, or has no answer within handoverTime, has the client be a new one.
//
// A node that stops parks its clients: it asks another one, the keeper, to claim each as if the client had come there.
//
//	A → K  Park       private id. K is the first of the others by rendezvous hashing of it
//	K → A  Claim …    as above, with the request of the Park. What the client has received is unknown, so A answers with all
//	                  that it may have missed, and with the positions that it may name
//
// The client is suspended at K then, as if it had lost its connection there, and B claims it there. When K stops, it parks it again.

const (
	// handoverTime bounds the wait for each answer, on either side; claimTime a move, and the search at several nodes; turnTime
	// the wait for one of maxClaims.
	handoverTime = 2 * time.Second
	claimTime    = 5 * time.Second
	turnTime     = 5 * time.Second
	// catchUpTime is how long A waits until it has delivered what B had.
	catchUpTime = 1500 * time.Millisecond
	// maxClaims bounds the clients that come to this node for which others are asked at the same time: with thousands at once, a
	// busy machine would answer none of them in time.
	maxClaims = 64
	// maxRounds is how often B asks for what the client has missed.
	maxRounds = 3
	// maxHops is how often B asks for a client, of which another node may say where it has gone.
	maxHops = 6
	// maxMoves bounds the clients that are on their way to this node, and those that leave it.
	maxMoves = 4096
	// maxMovedBytes bounds what is missed by a client that is on its way to this node, maxMovingBytes by all of them.
	maxMovedBytes, maxMovingBytes = 16 << 20, 64 << 20
	// maxMissed bounds the events of one.
	maxMissed = 100_000
	// maxMoved bounds the clients whose new node is known, for movedTime.
	maxMoved  = 10_000
	movedTime = 2 * time.Minute
	// startGrace is for how long after its start a node waits for others, which it may not know yet, when it finds no client.
	startGrace = 3 * time.Second
	// prefixSize is how much of a node's id the private ids start with that it makes.
	prefixSize = 6
)

// moves is this node's part in handover.
type moves struct {
	rt *Runtime

	// gate is held for reading while an event or a change of clients is numbered and delivered, and for writing while
	// numbers are noted. No function of the user is called with it, other than codecs and parsers.
	gate      sync.RWMutex
	delivered delivered
	freezer   freezer

	failures failureLogs
	parking  parking
	turns    chan struct{} // of maxClaims
	searches searches
	losses   losses

	lateUntil atomic.Int64 // until when clients may have session.late, in nanoseconds
	recording atomic.Int32 // arrivals that record
	bytes     atomic.Int64 // of all arrivals

	mu       sync.Mutex
	claims   map[string]*claim        // by request
	leaving  map[string]*departure    // by request
	releases map[string]chan struct{} // by private id: claims that have not been answered; closed when they have
	moved    map[string]movedTo       // by private id
	stopped  bool
	running  sync.WaitGroup // of do
	starting int            // releases that are not in leaving yet
	keeping  int            // clients that are being parked here
	changed  chan struct{}  // closed when a node has joined or left; nil unless a claim waits for it
}

// movedTo is where a client has gone.
type movedTo struct {
	node  string
	until time.Time
}

var _ adapter.Handover = (*moves)(nil)

// newMoves returns nil where the backplane cannot do it: answers must reach one node, and all events have numbers.
func newMoves(rt *Runtime, b backplane.Backplane) *moves {
	if b == nil {
		return nil
	}
	if t := b.Traits(); !t.Direct || t.Foreign {
		return nil
	}
	return &moves{rt: rt, turns: make(chan struct{}, maxClaims), claims: map[string]*claim{}, leaving: map[string]*departure{}, releases: map[string]chan struct{}{}, moved: map[string]movedTo{}}
}

// used reports whether clients of any server may move.
func (mv *moves) used() bool {
	for _, s := range mv.rt.servers {
		if m, ok := s.adapterServer.(adapter.Mover); ok && m.Moves() {
			return true
		}
	}
	return false
}

// Prefix implements [adapter.Handover].
func (mv *moves) Prefix() string { return mv.rt.node.ID[:prefixSize] }

func (mv *moves) lives(node string) bool { return mv.rt.cluster.Lives(node) }

// do runs f on a goroutine, unless the application stops.
func (mv *moves) do(f func()) bool {
	mv.mu.Lock()
	defer mv.mu.Unlock()
	if mv.stopped {
		return false
	}
	mv.running.Go(f)
	return true
}

// stop ends all moves, and waits for them: handoverTime at most.
func (mv *moves) stop() {
	if mv == nil {
		return
	}
	mv.mu.Lock()
	mv.stopped = true
	claims, leaving := mv.claims, make([]*departure, 0, len(mv.leaving))
	for _, d := range mv.leaving {
		leaving = append(leaving, d)
	}
	for _, c := range claims {
		c.end()
	}
	mv.mu.Unlock()
	for _, d := range leaving {
		d.end(false)
	}
	mv.running.Wait()
}

// receive handles a message about a move. Only a malformed one is an error.
func (mv *moves) receive(m *backplane.Message) error {
	if m.Request == "" {
		return envelope.ErrInvalid
	}
	switch m.Kind {
	case backplane.Claim:
		return mv.release(m)
	case backplane.Park:
		return mv.keep(m)
	case backplane.ClaimMore:
		return mv.more(m)
	case backplane.ClaimDone:
		mv.mu.Lock()
		d := mv.leaving[m.Request]
		mv.mu.Unlock()
		if d != nil && d.to == m.Origin {
			d.end(m.Count == movedCount)
		} else if d == nil && m.Count != movedCount {
			mv.parking.refused(mv, m.Request, m.Origin)
		}
	case backplane.Claimed:
		mv.mu.Lock()
		c := mv.claims[m.Request]
		mv.mu.Unlock()
		if c != nil {
			return c.answered(m)
		}
	}
	return nil
}

// send sends a message about a move to a node.
func (mv *moves) send(to, request string, m *backplane.Message) error {
	return mv.sendWith(to, request, m, func() error { return mv.rt.cluster.Send(m) })
}

func (mv *moves) sendWith(to, request string, m *backplane.Message, send func() error) error {
	m.To, m.Request, m.Channel = to, request, backplane.ChannelNode(to)
	if err := mv.rt.cluster.Check(m); err != nil {
		return err
	}
	return send()
}

// remember records where a client has gone.
func (mv *moves) remember(key, node string) {
	mv.mu.Lock()
	defer mv.mu.Unlock()
	now := time.Now()
	if len(mv.moved) >= maxMoved {
		for k, to := range mv.moved {
			if now.After(to.until) {
				delete(mv.moved, k)
			}
		}
	}
	if len(mv.moved) < maxMoved {
		mv.moved[key] = movedTo{node, now.Add(movedTime)}
	}
}

// forget forgets where a client has gone, which comes here again.
func (mv *moves) forget(key string) {
	mv.mu.Lock()
	defer mv.mu.Unlock()
	delete(mv.moved, key)
}

// whereTo returns the node to which a client has gone; "" if that is unknown.
func (mv *moves) whereTo(key string) string {
	mv.mu.Lock()
	defer mv.mu.Unlock()
	if to := mv.moved[key]; time.Now().Before(to.until) {
		return to.node
	}
	return ""
}
