package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// claim is a question to nodes of which one may have a client.
type claim struct {
	mv      *moves
	request string
	answers chan claimAnswer // closed by end

	mu      sync.Mutex
	ended   bool
	node    string      // that has the client; "" until one has answered so
	open    []string    // the nodes that have not answered, or have it too
	refusal refusal     // of the others
	next    claimAnswer // whose events are still arriving
	awaits  int         // events of next
	skips   int         // events of an answer that was refused
	bytes   int         // of the events of next
}

// claimAnswer is an answer to a claim.
type claimAnswer struct {
	claimedBody

	node   string
	missed []adapter.Missed
	bytes  int
}

func newRequest() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// newClaim returns a claim of which nodes are asked; nil when there are too many. It owns nodes.
func (mv *moves) newClaim(nodes []string, request string) *claim {
	c := &claim{mv: mv, open: nodes, refusal: refusal{failure: failedRefused}, request: request, answers: make(chan claimAnswer, maxRounds+1)}
	mv.mu.Lock()
	defer mv.mu.Unlock()
	if mv.stopped || len(mv.claims) >= maxMoves || mv.claims[request] != nil {
		return nil
	}
	mv.claims[c.request] = c
	return c
}

// end ends the wait for answers; mv.mu may be held.
func (c *claim) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
}

// close is end; c.mu is held.
func (c *claim) close() {
	if !c.ended {
		c.ended = true
		close(c.answers)
		c.mv.bytes.Add(-int64(c.bytes))
		c.next, c.bytes = claimAnswer{}, 0
	}
}

// remove ends the claim. The nodes of open, which may have released the client, keep it.
func (c *claim) remove() {
	c.mv.mu.Lock()
	delete(c.mv.claims, c.request)
	c.mv.mu.Unlock()
	c.end()
	for a := range c.answers { // those that were not read
		c.mv.bytes.Add(-int64(a.bytes))
	}
	for _, node := range c.open {
		c.mv.done(node, c.request, false)
	}
}

// eventMemory is the memory of an event beside its name and payload, about.
const eventMemory = 128

// answered handles a message of an answer.
func (c *claim) answered(m *backplane.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := slices.Contains(c.open, m.Origin)
	switch {
	case c.ended, !first && m.Origin != c.node:
		return nil
	case m.Event != "" && first:
		return errNotAnnounced
	case m.Event != "":
		return c.event(m)
	}
	var body claimedBody
	if err := decodeMove(m, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if first && !c.first(m.Origin, body) {
		return nil
	}
	if c.awaits > 0 || m.Count > maxMissed {
		c.refuse(int(m.Count))
		return nil
	}
	c.next, c.awaits = claimAnswer{claimedBody: body, node: m.Origin}, int(m.Count)
	if c.awaits == 0 {
		c.deliver()
	}
	return nil
}

var errNotAnnounced = fmt.Errorf("an event of a client that was not announced: %w", envelope.ErrInvalid)

// event handles an event of an answer; c.mu is held.
func (c *claim) event(m *backplane.Message) error {
	p := websockets.Payload(m.Payload)
	size := len(m.Event) + len(m.Body) + p.Size() + attachmentMemory*len(p.Attachments) + eventMemory
	switch {
	case c.awaits == 0 && c.skips > 0:
		c.skips--
		return nil
	case c.awaits == 0:
		return errNotAnnounced
	case c.bytes+size > maxMovedBytes || c.mv.bytes.Add(int64(size)) > maxMovingBytes:
		if c.bytes+size <= maxMovedBytes {
			c.mv.bytes.Add(-int64(size))
		}
		c.refuse(c.awaits - 1)
		return nil
	}
	c.bytes += size
	c.next.missed = append(c.next.missed, missedOf(m))
	if c.awaits--; c.awaits == 0 {
		c.deliver()
	}
	return nil
}

// first handles the first answer of a node, and reports whether that one has the client: the first that has it. c.mu is held.
func (c *claim) first(node string, body claimedBody) bool {
	switch {
	case body.ID != "" && c.node == "":
		c.node = node
	case body.ID != "":
		return false
	case body.Moved != "":
		c.refusal.moved = append(c.refusal.moved, body.Moved)
	}
	c.without(func(id string) bool { return id == node })
	return c.node == node
}

// without removes nodes that do not have the client. When no other one is left, that is the answer. c.mu is held.
func (c *claim) without(gone func(node string) bool) {
	asked := len(c.open)
	c.open = slices.DeleteFunc(c.open, gone)
	if c.node == "" && asked > 0 && len(c.open) == 0 {
		c.deliver()
	}
}

// membersChanged ends the wait for nodes that have left; mv.mu may be held.
func (c *claim) membersChanged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := func(node string) bool { return !c.mv.lives(node) }
	switch {
	case c.ended:
	case c.node != "" && gone(c.node):
		c.close()
	case slices.ContainsFunc(c.open, gone):
		c.refusal.failure = failedSilent
		c.without(gone)
	}
}

// failed handles that a node cannot be asked.
func (c *claim) failed(node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.refusal.failure = failedSilent
		c.without(func(id string) bool { return id == node })
	}
}

// missedOf returns what a client may have missed. A volatile event has only a position.
func missedOf(m *backplane.Message) adapter.Missed {
	e := adapter.Missed{
		Event: strings.Clone(m.Event), Payload: websockets.Payload(m.Payload).Clone(), Uncompressed: m.Flags&backplane.Uncompressed != 0,
	}
	e.Position, e.Source, _ = strings.Cut(string(m.Body), " ")
	if m.Flags&backplane.Volatile != 0 {
		e.Event, e.Payload = "", websockets.Payload{}
	}
	return e
}

// refuse has an answer that is too large be a refusal, of which some events are still to come; c.mu is held.
func (c *claim) refuse(left int) {
	c.skips = left
	c.mv.bytes.Add(-int64(c.bytes))
	c.next, c.awaits, c.bytes = claimAnswer{}, 0, 0
	c.deliver()
}

// deliver passes the answer on; c.mu is held.
func (c *claim) deliver() {
	a := c.next
	a.bytes = c.bytes
	c.next, c.bytes = claimAnswer{}, 0
	select {
	case c.answers <- a:
	default: // more than were asked for
		c.mv.bytes.Add(-int64(a.bytes))
	}
}

// await returns the next answer; false when there is none within handoverTime.
func (c *claim) await(ctx context.Context) (claimAnswer, bool) {
	ctx, cancel := context.WithTimeout(ctx, handoverTime)
	defer cancel()
	select {
	case a, ok := <-c.answers:
		return a, ok
	case <-ctx.Done():
		return claimAnswer{}, false
	}
}

// done has a node know whether the client of a claim has moved.
func (mv *moves) done(node, request string, moved bool) {
	m := &backplane.Message{Kind: backplane.ClaimDone}
	if moved {
		m.Count = movedCount
	}
	_ = mv.send(node, request, m) // otherwise it learns it by the end of handoverTime
}
