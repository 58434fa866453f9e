package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// newNode describes this process.
func newNode() websockets.Node {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	name, _ := os.Hostname()
	return websockets.Node{ID: hex.EncodeToString(id[:]), Name: name, Started: time.Now()}
}

// Self returns this node as it is now.
func (rt *Runtime) Self() websockets.Node {
	n := rt.node
	rt.mu.Lock()
	defer rt.mu.Unlock()
	n.Clients, n.Draining = len(rt.sessions), rt.stopping
	return n
}

// Nodes returns the nodes that live, in the order of their start.
func (rt *Runtime) Nodes() []websockets.Node {
	if rt.cluster == nil {
		return []websockets.Node{rt.Self()}
	}
	return rt.cluster.Nodes()
}

// identify sets the key of each endpoint, under which the other nodes know it.
func (rt *Runtime) identify() (all []cluster.Endpoint) {
	rt.byKey = map[uint32]*endpoint{}
	described := map[string]int{}
	for _, e := range rt.endpoints {
		text := e.identity()
		// Two of one name, on different ports: the nodes have them in the same order.
		if described[text]++; described[text] > 1 {
			text += "#" + strconv.Itoa(described[text])
		}
		e.key[0] = cluster.KeyOf(text)
		if rt.byKey[e.key[0]] == nil {
			rt.byKey[e.key[0]] = e
		}
		all = append(all, cluster.Endpoint{Key: e.key[0], Text: strings.ReplaceAll(text, "\x00", " ")})
	}
	for _, g := range rt.gateways {
		for _, e := range g.server.endpoints {
			g.server.keys = append(g.server.keys, e.key[0])
		}
	}
	return all
}

// join makes this node one of several.
func (rt *Runtime) join(cfg Config, all []cluster.Endpoint) {
	rt.resets.all = cfg.BackplaneOptions.ResetOnGap
	if b, uses := cfg.Backplane.(backplane.EndpointsUser); uses {
		b.SetEndpoints(rt.described())
	}
	var passed func(origin string, seq uint64)
	var left func(origin string)
	if rt.moves != nil {
		passed, left = rt.moves.delivered.set, rt.moves.delivered.left
	}
	var entries cluster.LogHandler
	if rt.history != nil {
		entries = rt.history
	}
	rt.cluster = cluster.New(cluster.Config{
		Backplane: cfg.Backplane, Options: cfg.BackplaneOptions, Self: rt.Self, Endpoints: all, Deliver: rt.deliver, Log: rt.log, Gap: rt.lost, Passed: passed, Left: left, Entries: entries,
		Members: func() { rt.roster.Members(); rt.moves.membersChanged() },
		Observe: func(s cluster.Step) {
			rt.hooks.Backplane(observe.BackplaneStep{Event: backplaneEvents[s.Kind], Messages: s.Messages, Err: s.Err})
		},
	})
}

// described returns the endpoints for an engine that must know them.
func (rt *Runtime) described() (all []backplane.Endpoint) {
	for _, e := range rt.endpoints {
		all = append(all, backplane.Endpoint{Key: e.key[0], Platform: e.srv.adapter.Name(), Path: e.srv.path, Namespace: e.pattern.only()})
	}
	return all
}

var backplaneEvents = map[cluster.StepKind]observe.BackplaneEvent{
	cluster.Well: observe.BackplaneUp, cluster.Degraded: observe.BackplaneDegraded, cluster.Down: observe.BackplaneDown,
	cluster.Gap: observe.BackplaneGap, cluster.Dropped: observe.BackplaneDropped,
}

// identity returns what an endpoint has in common on all nodes: platform, path, namespace and
// label.
func (e *endpoint) identity() string {
	namespace, label := e.pattern.name, ""
	if e.pattern.fn != nil {
		namespace, label = "", e.pattern.name
	}
	return cluster.Identity(e.srv.adapter.Name(), e.srv.path, namespace, label)
}

// Connect connects to the other nodes, if the application has a backplane.
func (rt *Runtime) Connect(ctx context.Context) error {
	if rt.cluster == nil {
		return nil
	}
	return rt.cluster.Start(ctx)
}

// disconnect sends what waits for other nodes, and leaves them.
func (rt *Runtime) disconnect(ctx context.Context) error {
	if rt.cluster == nil {
		return nil
	}
	return rt.cluster.Stop(ctx)
}

// send queues a message for the other nodes; nil is none.
func (rt *Runtime) send(m *backplane.Message) error {
	if m == nil {
		return nil
	}
	return sendError(rt.cluster.Send(m))
}

func sendError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, cluster.ErrNowhere):
		return fmt.Errorf("%w, and so is that to clients of this node: none receives it", websockets.ErrBackplaneFull)
	case errors.Is(err, cluster.ErrFull):
		return websockets.ErrBackplaneFull
	}
	return fmt.Errorf("websockets: not sent to other nodes: %w", err)
}

// BackplaneStats counts what goes between this node and the others; nil without a backplane.
func (rt *Runtime) BackplaneStats() *observe.BackplaneStats {
	if rt.cluster == nil {
		return nil
	}
	s := rt.cluster.Stats()
	reason := ""
	if s.Reason != nil {
		reason = s.Reason.Error()
	}
	return &observe.BackplaneStats{
		Up: s.Up, Degraded: s.Degraded, Since: s.Since, Reason: reason, Nodes: s.Nodes, Queued: s.Queued, QueuedBytes: s.QueuedBytes,
		Sent: s.Sent, Received: s.Received, Dropped: s.Dropped, Overrun: s.Overrun, Gaps: s.Gaps, Duplicates: s.Duplicates,
		Unknown: s.Unknown, Invalid: s.Invalid, Reconnects: s.Reconnects,
		Batches: s.Batches, SentBytes: s.SentBytes, ReceivedBytes: s.ReceivedBytes, SendTime: s.SendTime,
		QueueAge: s.QueueAge, Calls: observe.Questions(s.Calls), Fetches: observe.Questions(s.Fetches), Counts: observe.Questions(s.Counts),
	}
}
