package redis_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// node is an engine whose framework records what it is called with.
type node struct {
	*redis.Engine

	t    *testing.T
	self backplane.Node
	seq  uint64

	cond     testkit.Cond
	last     uint64 // the number of the last event received
	received int
	gaps     int // events that are missing before others
	links    []bool
	err      error // of the last Link
	frames   [][]byte
}

var nodes atomic.Uint64

// newNode returns a node that has not started, and stops with the test.
func newNode(t *testing.T, opts ...redis.Option) *node {
	t.Helper()
	n := &node{t: t, Engine: redis.Native(opts...), self: backplane.Node{ID: fmt.Sprintf("%016x", nodes.Add(1))}}
	t.Cleanup(n.stop)
	return n
}

// start starts a node that receives events.
func start(t *testing.T, opts ...redis.Option) *node {
	t.Helper()
	n := newNode(t, opts...)
	if err := n.Start(patient(t), n.self, n); err != nil {
		t.Fatal(err)
	}
	if err := n.Interest(patient(t), []string{backplane.ChannelEvents}, nil); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		n.t.Errorf("Stop: %v", err)
	}
}

// patient returns a context that only a failing test waits for.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	t.Cleanup(cancel)
	return ctx
}

// events returns the next events of the node, each with a payload of a size.
func (n *node) events(count, size int) []*backplane.Message {
	batch := make([]*backplane.Message, count)
	for i := range batch {
		n.seq++
		json := fmt.Appendf(nil, `"%0*d"`, size, n.seq)
		batch[i] = &backplane.Message{Kind: backplane.Event, Origin: n.self.ID, Channel: backplane.ChannelEvents, Seq: n.seq, Event: "e", Payload: backplane.Payload{JSON: json}}
	}
	return batch
}

func (n *node) send(count int) {
	n.t.Helper()
	if err := n.Send(patient(n.t), n.events(count, 10)); err != nil {
		n.t.Fatalf("Send: %v", err)
	}
}

// want waits until the node has received an event with a number.
func (n *node) want(seq uint64) {
	n.t.Helper()
	if !n.cond.Wait(testkit.Patience, func() bool { return n.last >= seq }) {
		n.t.Fatalf("event %d has not arrived, the last one is %d", seq, n.last)
	}
}

// wantLinks waits for calls of Link.
func (n *node) wantLinks(count int, up bool) {
	n.t.Helper()
	if !n.cond.Wait(testkit.Patience, func() bool { return len(n.links) >= count && n.links[len(n.links)-1] == up }) {
		n.t.Fatalf("calls of Link: %v, want %d and %v at last", n.links, count, up)
	}
}

func (n *node) ReceiveFrame(_ string, frame []byte) bool {
	all, _ := envelope.Decode(frame, envelope.Limits{})
	n.cond.Update(func() {
		n.frames = append(n.frames, frame)
		for _, m := range all {
			if m.Seq <= n.last {
				continue // too late
			}
			if n.last > 0 {
				n.gaps += int(m.Seq - n.last - 1)
			}
			n.received++
			n.last = m.Seq
		}
	})
	return true
}

func (*node) Receive([]*backplane.Message) int { return 0 }
func (*node) NoNode(*backplane.Message)        {}

func (n *node) Link(up, _ bool, err error) {
	n.cond.Update(func() { n.links, n.err = append(n.links, up), err })
}

// atMost runs f, which must return within a time, and ten seconds for a busy machine.
func atMost(t *testing.T, what string, limit time.Duration, f func()) {
	t.Helper()
	started := time.Now()
	f()
	if took := time.Since(started); took > limit+10*time.Second {
		t.Errorf("%s took %v, want %v at most", what, took, limit)
	}
}

// prompt fails unless f returns a time that is less than what Redis may take to answer, in one of three attempts on a
// busy machine.
func prompt(t *testing.T, what string, f func() (took time.Duration)) {
	t.Helper()
	var all []time.Duration
	for range 3 {
		took := f()
		if all = append(all, took); took < time.Second {
			return
		}
	}
	t.Errorf("%s took %v", what, all)
}

// stopTakes returns how long a stop takes.
func (n *node) stopTakes() time.Duration {
	started := time.Now()
	n.stop()
	return time.Since(started)
}
