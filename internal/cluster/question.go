package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// Question is asked of all other nodes that live when it is asked, and of the servers of a
// [backplane.Bridge].
type Question struct {
	c    *Cluster
	id   string
	kind *outcomes // nil when there was no node to ask
	on   func(from backplane.Node, answer *backplane.Message) (complete bool)

	mu      sync.Mutex
	awaited map[string]backplane.Node
	lost    []backplane.Node
	ended   bool
	done    chan struct{}
}

// questions are those that wait for answers.
type questions struct {
	mu   sync.Mutex
	byID map[string]*Question
}

func (q *questions) get(id string) *Question {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byID[id]
}

func (q *questions) put(x *Question) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byID == nil {
		q.byID = map[string]*Question{}
	}
	q.byID[x.id] = x
}

func (q *questions) remove(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.byID, id)
}

func (q *questions) all() []*Question {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Collect(maps.Values(q.byID))
}

// Ask sends m, a Call or Fetch, and returns without waiting. on is called for each answer, one at a
// time, and reports whether it was the last one of its node; it keeps nothing of the answer. wait
// is how long the answers are of use. End must be called.
func (c *Cluster) Ask(m *backplane.Message, wait time.Duration, on func(from backplane.Node, answer *backplane.Message) (complete bool)) *Question {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	q := &Question{c: c, id: hex.EncodeToString(id[:]), on: on, awaited: map[string]backplane.Node{}, done: make(chan struct{})}
	m.Request, m.Wait = q.id, wait
	q.mu.Lock()
	c.questions.put(q) // first: a node that leaves from now on is reported to q
	for _, n := range c.members.others() {
		q.awaited[n.ID], q.kind = n, c.counts.of(m)
	}
	if s := c.servers; s != nil {
		q.awaited[s.ID] = *s
	}
	q.finish()
	q.mu.Unlock()
	if !c.link.health().Up || c.Send(m) != nil {
		q.loseAll()
	}
	return q
}

// Done is closed when no answer is awaited any more.
func (q *Question) Done() <-chan struct{} { return q.done }

// End stops waiting. It returns the nodes that left or could not be asked, and those whose
// answers are incomplete.
func (q *Question) End() (lost, incomplete []backplane.Node) {
	q.c.questions.remove(q.id)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	incomplete = slices.Collect(maps.Values(q.awaited))
	sortNodes(incomplete)
	sortNodes(q.lost)
	if q.kind != nil {
		q.kind.end(len(q.lost), len(incomplete))
		q.kind = nil
	}
	return q.lost, incomplete
}

// finish closes done when no node is awaited; q.mu is held.
func (q *Question) finish() {
	if len(q.awaited) > 0 {
		return
	}
	select {
	case <-q.done:
	default:
		close(q.done)
	}
}

func (q *Question) loseAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, n := range q.awaited {
		q.lost = append(q.lost, n)
	}
	clear(q.awaited)
	q.finish()
}

// lose stops waiting for a node.
func (q *Question) lose(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n, awaited := q.awaited[id]; awaited {
		q.lost = append(q.lost, n)
		delete(q.awaited, id)
		q.finish()
	}
}

// answered handles an answer.
func (q *Question) answered(m *backplane.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, awaited := q.awaited[m.Origin]
	if !awaited || q.ended {
		return
	}
	if q.on(n, m) {
		delete(q.awaited, m.Origin)
		q.finish()
	}
}

// Answer queues an answer to a question of another node. The error is that of Send, or of Check.
func (c *Cluster) Answer(question, m *backplane.Message) error {
	m.To, m.Request, m.Channel = question.Origin, question.Request, backplane.ChannelNode(question.Origin)
	if err := c.Check(m); err != nil {
		return err
	}
	return c.Send(m)
}

// left has no question wait for a node.
func (c *Cluster) left(id string) {
	c.membersChanged()
	c.chooseVersion()
	for _, q := range c.questions.all() {
		q.lose(id)
	}
}

// IsNode reports whether an id is that of a node, and not of servers of other software.
func (c *Cluster) IsNode(id string) bool { return c.servers == nil || c.servers.ID != id }
