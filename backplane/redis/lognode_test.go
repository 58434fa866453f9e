package redis_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// logNode is an engine with a log, whose framework records what it is called with.
type logNode struct {
	*redis.StreamsEngine

	t    *testing.T
	self backplane.Node
	seq  uint64

	cond       testkit.Cond
	base, last uint64
	events     map[string]int // how often each was received
	jumps      int
	bases      int
	invalid    int
	ups        int
	err        error // of the last Link
	full       chan struct{}
}

func startLog(t *testing.T, opts ...redis.Option) *logNode {
	t.Helper()
	n := newLog(t, opts...)
	if err := n.Start(patient(t), n.self, n); err != nil {
		t.Fatal(err)
	}
	if err := n.Interest(patient(t), []string{backplane.ChannelEvents}, nil); err != nil {
		t.Fatal(err)
	}
	return n
}

func newLog(t *testing.T, opts ...redis.Option) *logNode {
	t.Helper()
	n := &logNode{t: t, StreamsEngine: redis.Streams(opts...), self: backplane.Node{ID: fmt.Sprintf("%016x", nodes.Add(1))}, events: map[string]int{}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	return n
}

func (n *logNode) Opened(base, last uint64) {
	n.cond.Update(func() { n.base, n.last = base, last })
}

func (n *logNode) ReceiveEntry(ctx context.Context, e backplane.Entry) bool {
	var full chan struct{}
	n.cond.Update(func() { full = n.full })
	if full != nil {
		select {
		case <-full:
		case <-ctx.Done():
			return false
		}
	}
	all, _ := envelope.Decode(e.Frame, envelope.Limits{})
	n.cond.Update(func() {
		switch {
		case e.NewBase:
			n.bases, n.base = n.bases+1, e.Last()
			if e.Last() <= n.last {
				n.t.Errorf("a base at %d after position %d", e.Last(), n.last)
			}
		case e.First <= n.last:
			n.t.Errorf("position %d after %d", e.First, n.last)
		case e.First != n.last+1:
			n.jumps++
		}
		n.last = e.Last()
		for _, m := range all {
			n.events[m.Event]++
		}
	})
	return true
}

func (n *logNode) ReceiveFrame(channel string, frame []byte) bool {
	n.cond.Update(func() {
		if channel == backplane.ChannelEvents && frame == nil {
			n.invalid++
		}
	})
	return true
}

func (*logNode) Receive([]*backplane.Message) int { return 0 }
func (*logNode) NoNode(*backplane.Message)        {}

func (n *logNode) Link(up, _ bool, err error) {
	n.cond.Update(func() {
		if n.err = err; up {
			n.ups++
		}
	})
}

// event returns the next event of the node, with the name of it and its number.
func (n *logNode) event() *backplane.Message {
	n.seq++
	return &backplane.Message{Kind: backplane.Event, Origin: n.self.ID, Channel: backplane.ChannelEvents, Seq: n.seq, Event: n.name(n.seq), Payload: backplane.Payload{JSON: []byte(`"x"`)}}
}

func (n *logNode) name(seq uint64) string { return fmt.Sprint(n.self.ID, " ", seq) }

// send sends events, each on its own.
func (n *logNode) send(count int) {
	n.t.Helper()
	for range count {
		if err := n.Send(patient(n.t), []*backplane.Message{n.event()}); err != nil {
			n.t.Fatal(err)
		}
	}
}

// wantLast waits for the last event of another node.
func (n *logNode) wantLast(other *logNode) {
	n.t.Helper()
	name := other.name(other.seq)
	if !n.cond.Wait(testkit.Patience, func() bool { return n.events[name] > 0 }) {
		n.t.Fatalf("event %d of another node has not arrived: %d events, last position %d, base %d, %d bases, %d jumps, link %v", other.seq, len(n.events), n.last, n.base, n.bases, n.jumps, n.err)
	}
}

// wantAgain waits until the node is connected again.
func (n *logNode) wantUps(count int) {
	n.t.Helper()
	if !n.cond.Wait(testkit.Patience, func() bool { return n.ups >= count }) {
		n.t.Fatalf("connected %d times, want %d: %v", n.ups, count, n.err)
	}
}

// stopReading has the framework take no more entries, until the function is called.
func (n *logNode) stopReading() (resume func()) {
	full := make(chan struct{})
	n.cond.Update(func() { n.full = full })
	return func() {
		n.cond.Update(func() { n.full = nil })
		close(full)
	}
}

// recorded is what a node has recorded.
type recorded struct {
	base, last            uint64
	bases, jumps, invalid int
	events, doubled       int
}

func (n *logNode) recorded() (r recorded) {
	n.cond.Update(func() {
		r = recorded{n.base, n.last, n.bases, n.jumps, n.invalid, len(n.events), 0}
		for _, times := range n.events {
			if times > 1 {
				r.doubled++
			}
		}
	})
	return r
}

// readAll counts the messages of Read.
func (n *logNode) readAll(after, until uint64) (messages int, err error) {
	err = n.Read(patient(n.t), after, until, func(e backplane.Entry) error {
		messages += e.Messages
		return nil
	})
	return messages, err
}

// wantLoss fails unless a loss is noticed: by Read across it, and by what each node has received.
func wantLoss(t *testing.T, before recorded, jumps int, nodes ...*logNode) {
	t.Helper()
	for i, n := range nodes {
		got := n.recorded()
		if got.doubled > 0 {
			t.Errorf("node %d has received %d events twice", i, got.doubled)
		}
		if jumps == 0 && (got.bases == 0 || got.base <= before.last) {
			t.Errorf("node %d: %d bases, the last one at %d, where positions were up to %d", i, got.bases, got.base, before.last)
		}
		if jumps > 0 && got.jumps != jumps {
			t.Errorf("node %d: %d jumps, want %d", i, got.jumps, jumps)
		}
		for _, after := range []uint64{before.base, before.last} {
			if _, err := n.readAll(after, got.last); !errors.Is(err, backplane.ErrPosition) {
				t.Errorf("node %d: Read after %d until %d, base %d: %v, want ErrPosition", i, after, got.last, got.base, err)
			}
		}
		if jumps == 0 {
			if _, err := n.readAll(got.base, got.last); err != nil {
				t.Errorf("node %d: Read of what is there: %v", i, err)
			}
		}
	}
}
