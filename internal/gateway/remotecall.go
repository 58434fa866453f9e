package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// remoteCall is the part of a broadcast's call that other nodes make. A node sends the ids of the
// clients that it calls, all in CallCount messages, then a CallAnswer for each. Guarded by the
// question, but for End.
type remoteCall struct {
	g        *broadcastCall
	rt       *Runtime
	question *cluster.Question
	nodes    map[string]*calledNode // by id
	// ids and bytes are what the answers have.
	ids, bytes int
}

// calledNode is what one node has sent.
type calledNode struct {
	total   int                 // clients that it calls; valid if counted
	counted bool                // a CallCount has arrived
	listed  int                 // of total
	open    map[string]struct{} // ids that are listed and have not ended
	ended   map[string]struct{} // ids that have ended
}

// askOthers asks the other nodes to call their clients.
func (g *broadcastCall) askOthers(ctx context.Context, rt *Runtime, m *backplane.Message) *remoteCall {
	r := &remoteCall{g: g, rt: rt, nodes: map[string]*calledNode{}}
	m.Kind = backplane.Call
	r.question = rt.cluster.Ask(m, timeLeft(ctx), r.answered)
	return r
}

// timeLeft returns how long ctx, which has a deadline, lasts.
func timeLeft(ctx context.Context) time.Duration {
	end, _ := ctx.Deadline()
	return max(time.Until(end), time.Millisecond)
}

// answered handles an answer of a node, and reports whether it was the last.
func (r *remoteCall) answered(from backplane.Node, m *backplane.Message) (complete bool) {
	n := r.nodes[from.ID]
	if n == nil {
		n = &calledNode{open: map[string]struct{}{}, ended: map[string]struct{}{}}
		r.nodes[from.ID] = n
	}
	r.ids, r.bytes = r.ids+len(m.Select.IDs), r.bytes+websockets.Payload(m.Payload).Size()
	if r.ids > 2*maxAnswers || r.bytes > maxAnswersBytes { // an id is listed, then it ends
		return false
	}
	switch m.Kind {
	case backplane.CallCount:
		if n.listed+len(m.Select.IDs) > int(m.Count) {
			return false
		}
		n.total, n.counted, n.listed = int(m.Count), true, n.listed+len(m.Select.IDs)
		for _, id := range m.Select.IDs {
			if _, ended := n.ended[id]; !ended {
				n.open[id] = struct{}{}
			}
		}
	case backplane.CallAnswer:
		if len(m.Select.IDs) != 1 {
			return false
		}
		id := m.Select.IDs[0]
		if _, again := n.ended[id]; again {
			return false
		}
		delete(n.open, id)
		n.ended[id] = struct{}{}
		r.end(id, from.ID, websockets.Payload(m.Payload), failureOf(string(m.Body)))
	}
	return n.counted && n.listed >= n.total && len(n.open) == 0
}

// end adds the end of a call by another node. Clients of other software have no id.
func (r *remoteCall) end(id, node string, p websockets.Payload, err error) {
	if !r.rt.cluster.IsNode(node) {
		id = ""
	}
	g := r.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.answers.Missing = append(g.answers.Missing, websockets.NoAnswer{ID: id, Node: node, Err: err})
		return
	}
	g.d.answered()
	g.answers.Answered = append(g.answers.Answered, websockets.Answer[websockets.Payload]{ID: id, Node: node, Value: p.Clone()})
}

// await waits until all nodes have answered, or ctx ends.
func (r *remoteCall) await(ctx context.Context) {
	select {
	case <-r.question.Done():
	case <-ctx.Done():
	}
	lost, incomplete := r.question.End()
	for _, n := range lost {
		r.unreachable(n)
		r.missing(n, websockets.ErrClosed)
	}
	for _, n := range incomplete {
		if called := r.nodes[n.ID]; called == nil || !called.counted || called.listed < called.total {
			r.unreachable(n)
		}
		r.missing(n, context.Cause(ctx))
	}
}

// missing adds the clients of a node that have not answered.
func (r *remoteCall) missing(n backplane.Node, err error) {
	if called := r.nodes[n.ID]; called != nil {
		for id := range called.open {
			r.end(id, n.ID, websockets.Payload{}, err)
		}
	}
}

// unreachable adds a node, once for all endpoints.
func (r *remoteCall) unreachable(n backplane.Node) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	if !slices.ContainsFunc(r.g.answers.Unreachable, func(x backplane.Node) bool { return x.ID == n.ID }) {
		r.g.answers.Unreachable = append(r.g.answers.Unreachable, n)
	}
}

// failures are why a client has not answered, and their names on the wire.
var failures = []struct {
	name string
	err  error
}{
	{"closed", websockets.ErrClosed},
	{"queue full", websockets.ErrQueueFull},
	{"too many calls", websockets.ErrTooManyCalls},
	{"timeout", context.DeadlineExceeded},
}

// failureOf returns the error of a name; nil for none.
func failureOf(name string) error {
	if name == "" {
		return nil
	}
	for _, f := range failures {
		if f.name == name {
			return f.err
		}
	}
	return websockets.ErrClosed // of a newer version
}

func failureName(err error) string {
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return f.name
		}
	}
	return failures[0].name
}

// perCount is how many ids a CallCount has, unless the backplane takes less, and idSize the bytes of one, about.
const perCount, idSize = 1000, 64

// call calls the clients of this node for another one.
func (rt *Runtime) call(m *backplane.Message, endpoints []*endpoint, sel core.Selection, d *delivery) error {
	if m.Event == "" {
		return fmt.Errorf("a call without a name: %w", envelope.ErrInvalid)
	}
	targets := clients(endpoints, sel, false)
	out := adapter.NewOutgoing(m.Event, websockets.Payload(m.Payload))
	defer out.Release(framework)
	out.Options = optionsOf(m)
	if err := encodeFor(targets, out); err != nil {
		return err
	}
	question := &backplane.Message{Origin: m.Origin, Request: m.Request}
	for ids := range slices.Chunk(idsOf(targets), max(1, rt.cluster.Part(perCount*idSize)/idSize)) {
		_ = rt.cluster.Answer(question, &backplane.Message{Kind: backplane.CallCount, Count: uint32(len(targets)), Select: backplane.Selection{IDs: ids}}) // it is counted
	}
	if len(targets) == 0 {
		_ = rt.cluster.Answer(question, &backplane.Message{Kind: backplane.CallCount})
		return nil
	}
	g := &broadcastCall{done: make(chan struct{}), d: d, pending: 1, report: func(s *session, p websockets.Payload, err error) {
		a := &backplane.Message{Kind: backplane.CallAnswer, Select: backplane.Selection{IDs: []string{s.ID()}}}
		if err == nil {
			a.Payload = backplane.Payload(p)
			if rt.cluster.Check(a) != nil { // larger than the backplane takes
				a.Payload, err = backplane.Payload{}, websockets.ErrQueueFull
			}
		}
		if err != nil {
			a.Body = []byte(failureName(err))
		}
		_ = rt.cluster.Answer(question, a)
	}}
	calls := g.ask(context.Background(), targets, out)
	g.mu.Lock()
	g.timer = time.AfterFunc(m.Wait, func() {
		for i := range calls {
			calls[i].s.removeCall(calls[i].id)
			calls[i].end(websockets.Payload{}, context.DeadlineExceeded)
		}
	})
	g.mu.Unlock()
	g.leave()
	return nil
}

func idsOf(all []*session) []string {
	ids := make([]string, len(all))
	for i, s := range all {
		ids[i] = s.ID()
	}
	return ids
}
