package backplanetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// node is one node of a test: it records what its engine calls.
type node struct {
	s      *suite
	engine backplane.Backplane
	self   backplane.Node
	seqs   map[string]uint64 // the last number sent, of each channel

	cond     testkit.Cond
	received []*backplane.Message // of others; guarded by cond
	own      int                  // how many of its own it has received
	ended    map[string]uint64    // the number of the last message of want, by origin
	links    []link
	noNodes  []*backplane.Message
	problems []string
	stopped  bool
	busy     map[string]bool // channels whose frame is being received
	onFrame  func(frame []byte)
	log      nodeLog
}

type link struct {
	up, lost, hasErr bool
}

// newNode returns a node that has not started.
func (s *suite) newNode() *node {
	s.made++
	return &node{
		s: s, engine: s.factory.New(), seqs: map[string]uint64{}, busy: map[string]bool{}, ended: map[string]uint64{},
		self: backplane.Node{ID: fmt.Sprintf("%016x", 0xa0+s.made), Name: fmt.Sprint("node ", s.made), Started: time.Now()},
	}
}

// start starts a node that receives channels.
func (s *suite) start(channels ...string) *node {
	s.Helper()
	n := s.newNode()
	ctx, cancel := s.context()
	defer cancel()
	if err := n.engine.Start(ctx, n.self, n); err != nil {
		s.Fatalf("Start: %v", err)
	}
	s.Cleanup(n.stop)
	n.interest(channels, nil)
	return n
}

// nodes starts two nodes that receive the channel of events, and their own.
func (s *suite) nodes() (a, b *node) {
	s.Helper()
	a, b = s.start(), s.start()
	for _, n := range []*node{a, b} {
		n.interest([]string{backplane.ChannelEvents, backplane.ChannelNode(n.self.ID)}, nil)
	}
	return a, b
}

// context returns a context for a call that must not wait long.
func (s *suite) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), s.patience)
}

func (n *node) interest(add, drop []string) {
	n.s.Helper()
	if len(add)+len(drop) == 0 {
		return
	}
	ctx, cancel := n.s.context()
	defer cancel()
	if err := n.engine.Interest(ctx, add, drop); err != nil {
		n.s.Fatalf("Interest: %v", err)
	}
}

func (n *node) stop() {
	ctx, cancel := n.s.context()
	defer cancel()
	if err := n.engine.Stop(ctx); err != nil {
		n.s.Errorf("Stop: %v", err)
	}
	n.cond.Update(func() { n.stopped = true })
	for _, p := range n.found() {
		n.s.Errorf("%s", p)
	}
}

// found returns the problems that the node has seen, once each.
func (n *node) found() (problems []string) {
	n.cond.Update(func() { problems, n.problems = n.problems, nil })
	return problems
}

// message returns a numbered message of the node.
func (n *node) message(channel string, m backplane.Message) *backplane.Message {
	n.seqs[channel]++
	m.Origin, m.Channel, m.Seq = n.self.ID, channel, n.seqs[channel]
	if m.Kind == 0 {
		m.Kind = backplane.Event
	}
	return &m
}

// event returns an event with a text.
func (n *node) event(text string) *backplane.Message {
	return n.message(backplane.ChannelEvents, backplane.Message{Event: "e", Payload: backplane.Payload{JSON: []byte(`"` + text + `"`)}})
}

func (n *node) send(batch ...*backplane.Message) {
	n.s.Helper()
	ctx, cancel := n.s.context()
	defer cancel()
	if err := n.engine.Send(ctx, batch); err != nil {
		n.s.Fatalf("Send: %v", err)
	}
}

// wait waits until cond, of what the node has recorded, is true.
func (n *node) wait(what string, cond func() bool) {
	n.s.Helper()
	if !n.cond.Wait(n.s.patience, cond) {
		var state string
		n.cond.Update(func() { state = fmt.Sprintf("it has received %d messages, links %+v", len(n.received), n.links) })
		n.s.Fatalf("%s: %s has waited for %v: %s", what, n.self.Name, n.s.patience, state)
	}
}

// theEnd is the event of messages that only want sends.
const theEnd = "the end"

// want waits until the node has received everything that other, another node, has sent so far,
// and returns the messages since the last call. There must be count of them.
func (n *node) want(other *node, count int) []*backplane.Message {
	n.s.Helper()
	end := other.message(backplane.ChannelEvents, backplane.Message{Event: theEnd})
	seq := end.Seq
	other.send(end)
	// There is no order between channels: what other has sent on them may follow.
	n.wait("the last message", func() bool { return n.ended[other.self.ID] >= seq && len(n.received) >= count })
	var got []*backplane.Message
	n.cond.Update(func() { got, n.received = n.received, nil })
	if len(got) != count {
		n.s.Fatalf("%s has received %d messages, want %d", n.self.Name, len(got), count)
	}
	return got
}

// ReceiveFrame implements [backplane.Inbound].
func (n *node) ReceiveFrame(channel string, frame []byte) bool {
	n.enter(channel)
	defer n.leave(channel)
	all, err := envelope.Decode(frame, envelope.Limits{})
	if err != nil {
		n.problemf("a frame does not decode: %v", err)
	}
	for _, m := range all {
		m.Channel = channel
	}
	n.record(all)
	if n.onFrame != nil {
		n.onFrame(frame)
	}
	return true
}

// Receive implements [backplane.Inbound].
func (n *node) Receive(batch []*backplane.Message) int {
	if len(batch) == 0 {
		return 0
	}
	n.enter(batch[0].Channel)
	defer n.leave(batch[0].Channel)
	n.record(batch)
	return 0
}

func (n *node) enter(channel string) {
	n.cond.Update(func() {
		if n.busy[channel] {
			n.problems = append(n.problems, "two calls of channel "+channel+" overlap")
		}
		n.busy[channel] = true
	})
}

func (n *node) leave(channel string) { n.cond.Update(func() { n.busy[channel] = false }) }

// record keeps copies, since a test may overwrite what it has received.
func (n *node) record(all []*backplane.Message) {
	n.cond.Update(func() {
		n.called("a message")
		for _, m := range all {
			switch {
			case m.Origin == n.self.ID:
				n.own++
			case m.Event == theEnd:
				n.ended[m.Origin] = m.Seq
			default:
				n.received = append(n.received, clone(m))
			}
		}
	})
}

// NoNode implements [backplane.Inbound].
func (n *node) NoNode(m *backplane.Message) {
	n.cond.Update(func() {
		n.called("NoNode")
		n.noNodes = append(n.noNodes, m)
	})
}

// Link implements [backplane.Inbound].
func (n *node) Link(up, lost bool, err error) {
	n.cond.Update(func() {
		n.called("Link")
		n.links = append(n.links, link{up, lost, err != nil})
	})
}

// lastLink returns the last call of Link.
func (n *node) lastLink() (last link) {
	n.cond.Update(func() { last = n.links[len(n.links)-1] })
	return last
}

// called records a call after Stop; n.cond is held.
func (n *node) called(what string) {
	if n.stopped {
		n.problems = append(n.problems, what+" after Stop has returned")
	}
}

func (n *node) problemf(format string, args ...any) {
	n.cond.Update(func() { n.problems = append(n.problems, fmt.Sprintf(format, args...)) })
}

// clone returns a copy that shares no bytes with m.
func clone(m *backplane.Message) *backplane.Message {
	own := *m
	own.Payload.JSON = append([]byte(nil), m.Payload.JSON...)
	own.Body = append([]byte(nil), m.Body...)
	own.Payload.Attachments = nil
	for _, a := range m.Payload.Attachments {
		own.Payload.Attachments = append(own.Payload.Attachments, append([]byte(nil), a...))
	}
	return &own
}

// both runs f for two nodes at once.
func both(a, b *node, f func(n *node)) {
	var all sync.WaitGroup
	all.Go(func() { f(a) })
	all.Go(func() { f(b) })
	all.Wait()
}
