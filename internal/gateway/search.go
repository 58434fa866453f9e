package gateway

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// A client keeps its private id, so the id names the node that has made it, and not the one that has the client. That node is asked
// first, then all others at once.

const (
	// searchRate and searchBurst bound the questions to all nodes about clients that none of them has, for each second and at once:
	// private ids may be made up. Beyond them a client is a new one when the first node does not have it.
	searchRate, searchBurst = 1000, 10_000
)

// searches bounds the questions about clients that are not found. The zero value has asked none.
type searches struct {
	mu     sync.Mutex
	asked  float64   // of searchBurst
	before time.Time // when asked was true
}

// take reports whether n nodes may be asked.
func (s *searches) take(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.asked = max(0, s.asked-now.Sub(s.before).Seconds()*searchRate)
	s.before = now
	if s.asked+float64(n) > searchBurst {
		return false
	}
	s.asked += float64(n)
	return true
}

// found does not count n questions: the client was found.
func (s *searches) found(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = max(0, s.asked-float64(n))
}

// Claim implements [adapter.Handover].
func (mv *moves) Claim(ctx context.Context, ep adapter.Endpoint, h *adapter.Handshake, key, position string) adapter.Arrival {
	e, ours := ep.(*endpoint)
	if !ours || len(key) > maxKey || len(position) > maxKey || len(key) < prefixSize || mv.rt.cluster == nil || !mv.rt.cluster.Health().Up {
		return nil
	}
	digests, known := pipeline.IdentityDigests(&h.Handshake, key)
	if !known {
		return nil
	}
	if !mv.turn(ctx) {
		mv.failed(failedTooMany)
		return nil
	}
	defer func() { <-mv.turns }()
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	a, failure := mv.claim(ctx, e, h, claimBody{Key: key, Position: position, Identities: digests})
	if a == nil {
		mv.failed(failure)
		return nil
	}
	return a
}

// turn waits for one of maxClaims, and reports false when that takes too long.
func (mv *moves) turn(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	select {
	case mv.turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// claim asks the nodes that may have a client: the likely one, those that it has gone to, and all others.
func (mv *moves) claim(ctx context.Context, e *endpoint, h *adapter.Handshake, body claimBody) (*arrival, moveFailure) {
	mv.awaitDeparture(ctx, body.Key)
	nodes, others, went := mv.likely(body.Key), mv.others(), mv.whereTo(body.Key)
	asked, searched, failure := map[string]int{}, 0, failedUnknown
	for range maxHops {
		if len(nodes) == 0 {
			if nodes = mv.awaitNodes(ctx, asked); len(nodes) == 0 {
				break
			}
			if !mv.searches.take(len(nodes)) {
				return nil, failedTooMany
			}
			searched += len(nodes)
		}
		for _, id := range nodes {
			asked[id]++
		}
		a, r := mv.claimFrom(ctx, nodes, newRequest(), e, h, body)
		if a != nil {
			mv.searches.found(searched)
			return a, noFailure
		}
		if r.failure != failedRefused && r.failure != failedSilent || ctx.Err() != nil {
			return nil, r.failure
		}
		failure = r.failure
		if slices.ContainsFunc(others, func(id string) bool { return !mv.lives(id) }) { // before, it may have gone to one that was asked too early
			clear(asked)
			others = mv.others()
		}
		mv.awaitDeparture(ctx, body.Key)
		to := mv.whereTo(body.Key)
		if to == "" && slices.Contains(r.moved, mv.rt.node.ID) { // it has come here by now
			mv.searches.found(searched)
			return nil, noFailure
		}
		if to != went { // it has come here, and gone again
			r.moved, went = append(r.moved, to), to
		}
		slices.Sort(r.moved)
		nodes = slices.DeleteFunc(slices.Compact(r.moved), func(id string) bool { return asked[id] > 1 || !mv.lives(id) })
	}
	return nil, failure
}

// others returns the ids of the other nodes.
func (mv *moves) others() (ids []string) {
	for _, n := range mv.rt.cluster.Others() {
		ids = append(ids, n.ID)
	}
	return ids
}

// likely returns the node that has a client most likely: where it has gone from here, or else the one that has made its private
// id, or else the one that would keep it.
func (mv *moves) likely(key string) []string {
	if to := mv.whereTo(key); to != "" && mv.lives(to) {
		return []string{to}
	}
	var makers, keepers []string
	for _, n := range mv.rt.cluster.Others() {
		if strings.HasPrefix(n.ID, key[:prefixSize]) {
			makers = append(makers, n.ID)
		}
		if !n.Draining {
			keepers = append(keepers, n.ID)
		}
	}
	if len(makers) > 0 {
		return makers
	}
	return rank(key, keepers)[:min(1, len(keepers))]
}

// refusal is the answer of nodes of which none has a client.
type refusal struct {
	moved   []string // where it has gone
	failure moveFailure
}

// claimFrom claims a client from the nodes that may have it, all at once.
func (mv *moves) claimFrom(ctx context.Context, nodes []string, request string, e *endpoint, h *adapter.Handshake, body claimBody) (*arrival, refusal) {
	c := mv.newClaim(slices.Clone(nodes), request)
	if c == nil {
		return nil, refusal{failure: failedTooMany}
	}
	encoded := encodeMove(body)
	for _, node := range nodes {
		err := mv.send(node, request, &backplane.Message{
			Kind: backplane.Claim, Body: encoded, Select: backplane.Selection{Endpoints: e.key[:], Namespace: h.Namespace},
		})
		if err != nil {
			c.failed(node)
		}
	}
	first, ok := c.await(ctx)
	mv.bytes.Add(-int64(first.bytes)) // none are expected
	if !ok || first.ID == "" {
		c.remove()
		if !ok {
			c.refusal.failure = failedSilent
		}
		return nil, c.refusal
	}
	mv.forget(body.Key)
	a := &arrival{claim: c, node: first.node, ep: e, key: body.Key}
	if failure := a.arrive(ctx, h, first); failure != noFailure {
		a.Drop()
		return nil, refusal{failure: failure}
	}
	return a, refusal{}
}
