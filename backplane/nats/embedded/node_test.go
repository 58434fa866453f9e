package embedded_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// patience bounds every wait.
const patience = testkit.Patience

// node is a framework that records what its engine calls.
type node struct {
	t      testing.TB
	id     string
	engine backplane.Backplane
	seq    uint64

	cond     testkit.Cond
	received map[string][]string // texts by origin; guarded by cond
	links    []link
	noNodes  int
	slow     chan struct{} // ReceiveFrame waits for it
}

type link struct {
	up, lost bool
	err      error
}

// newNode returns a node that has not started.
func newNode(t testing.TB, number int, engine backplane.Backplane) *node {
	return &node{t: t, id: fmt.Sprintf("%016x", number), engine: engine, received: map[string][]string{}}
}

// start starts a node that receives events, and stops it at the end.
func (n *node) start() *node {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.engine.Start(ctx, backplane.Node{ID: n.id, Started: time.Now()}, n); err != nil {
		n.t.Fatalf("Start: %v", err)
	}
	n.t.Cleanup(n.stop)
	if err := n.engine.Interest(ctx, []string{backplane.ChannelEvents, backplane.ChannelNode(n.id)}, nil); err != nil {
		n.t.Fatalf("Interest: %v", err)
	}
	return n
}

func (n *node) stop() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.engine.Stop(ctx); err != nil {
		n.t.Errorf("Stop: %v", err)
	}
}

// message returns the next event of the node.
func (n *node) message(text string) *backplane.Message {
	n.seq++
	return &backplane.Message{
		Kind: backplane.Event, Origin: n.id, Seq: n.seq, Channel: backplane.ChannelEvents, Event: text,
	}
}

// send sends an event, within d.
func (n *node) send(d time.Duration, text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return n.engine.Send(ctx, []*backplane.Message{n.message(text)})
}

// mustSend sends an event.
func (n *node) mustSend(text string) {
	n.t.Helper()
	if err := n.send(patience, text); err != nil {
		n.t.Fatalf("Send: %v", err)
	}
}

// ReceiveFrame implements [backplane.Inbound].
func (n *node) ReceiveFrame(_ string, frame []byte) bool {
	var slow chan struct{}
	n.cond.Update(func() { slow = n.slow })
	if slow != nil {
		<-slow
	}
	all, err := envelope.Decode(frame, envelope.Limits{})
	if err != nil {
		n.t.Errorf("a frame does not decode: %v", err)
	}
	n.cond.Update(func() {
		for _, m := range all {
			n.received[m.Origin] = append(n.received[m.Origin], m.Event)
		}
	})
	return true
}

// Receive implements [backplane.Inbound].
func (n *node) Receive([]*backplane.Message) int {
	n.t.Error("Receive is called")
	return 0
}

// NoNode implements [backplane.Inbound].
func (n *node) NoNode(*backplane.Message) { n.cond.Update(func() { n.noNodes++ }) }

// Link implements [backplane.Inbound].
func (n *node) Link(up, lost bool, err error) {
	n.cond.Update(func() { n.links = append(n.links, link{up, lost, err}) })
}

// wait waits until cond is true.
func (n *node) wait(what string, cond func() bool) {
	n.t.Helper()
	if !n.cond.Wait(patience, cond) {
		var state string
		n.cond.Update(func() { state = fmt.Sprintf("received of %d nodes, links %+v", len(n.received), n.links) })
		n.t.Fatalf("%s: node %s has waited for %v: %s", what, n.id, patience, state)
	}
}

// has waits until the node has received a text of another.
func (n *node) has(from *node, text string) {
	n.t.Helper()
	n.wait("receive "+text, func() bool {
		all := n.received[from.id]
		return len(all) > 0 && all[len(all)-1] == text
	})
}

// meet waits until all nodes receive what each of them sends.
func meet(t testing.TB, all ...*node) {
	t.Helper()
	for _, a := range all {
		for _, b := range all {
			if a == b {
				continue
			}
			text := fmt.Sprintf("%s to %s", a.id, b.id)
			testkit.Eventually(t, text, func() (found bool) {
				if a.send(patience, text) != nil {
					return false
				}
				return b.cond.Wait(20*time.Millisecond, func() bool {
					got := b.received[a.id]
					return len(got) > 0 && got[len(got)-1] == text
				})
			})
		}
	}
}

// calls returns the calls of Link so far.
func (n *node) calls() (all []link) {
	n.cond.Update(func() { all = slices.Clone(n.links) })
	return all
}

// startFails returns the error of an engine that cannot connect, which it has at its first attempt, and stops it. On
// a loaded machine that takes longer than the first deadline.
func startFails(t testing.TB, engine func() backplane.Backplane) error {
	t.Helper()
	for wait := 300 * time.Millisecond; ; wait *= 5 {
		e := engine()
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		n := newNode(t, 9, e)
		err := e.Start(ctx, backplane.Node{ID: n.id}, n)
		cancel()
		n.stop()
		if err == nil || wait > patience || !unknown(err) {
			return err
		}
	}
}

// unknown reports whether an error of Start has no reason, since the first attempt has not ended.
func unknown(err error) bool {
	text := err.Error()
	return strings.HasSuffix(text, ": not connected") || text == "embedded: the server is starting"
}
