package backplanetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// Opened implements [backplane.LogInbound].
func (n *node) Opened(base, last uint64) {
	n.cond.Update(func() {
		n.called("Opened")
		if n.log.opened || len(n.links)+len(n.log.entries) > 0 || last < base {
			n.problems = append(n.problems, fmt.Sprintf("Opened(%d, %d) after %d calls of Link and %d entries, opened before: %t", base, last, len(n.links), len(n.log.entries), n.log.opened))
		}
		n.log.opened, n.log.base, n.log.last = true, base, last
	})
}

// ReceiveEntry implements [backplane.LogInbound].
func (n *node) ReceiveEntry(ctx context.Context, e backplane.Entry) bool {
	n.enter(backplane.ChannelEvents)
	defer n.leave(backplane.ChannelEvents)
	var full chan struct{}
	n.cond.Update(func() { full = n.log.full })
	if full != nil {
		select {
		case <-full:
		case <-ctx.Done():
			return false
		}
	}
	all, err := envelope.Decode(e.Frame, envelope.Limits{})
	if (err != nil || len(all) != e.Messages) && !e.NewBase {
		n.problemf("an entry of %d messages has %d: %v", e.Messages, len(all), err)
	}
	for _, m := range all {
		m.Channel = backplane.ChannelEvents
	}
	n.cond.Update(func() {
		n.called("an entry")
		switch want := n.log.last + 1; {
		case !n.log.opened:
			n.problems = append(n.problems, "an entry before Opened")
		case e.NewBase && e.Last() < want:
			n.problems = append(n.problems, fmt.Sprintf("a base at %d, which is not above %d", e.Last(), want-1))
		case !e.NewBase && e.First < want:
			n.problems = append(n.problems, fmt.Sprintf("position %d after %d", e.First, want-1))
		case !e.NewBase && e.First > want:
			n.log.jumps++
		}
		n.log.last = e.Last()
		if e.NewBase {
			n.log.bases, n.log.base = n.log.bases+1, e.Last()
		}
		own := e
		own.Frame = slices.Clone(e.Frame)
		n.log.entries = append(n.log.entries, own)
	})
	n.record(all)
	if n.onFrame != nil {
		n.onFrame(e.Frame)
	}
	return true
}

// nodeLog is what a node records of a log; guarded by node.cond.
type nodeLog struct {
	opened       bool
	base, last   uint64
	entries      []backplane.Entry
	jumps, bases int
	full         chan struct{} // not nil: ReceiveEntry waits until it is closed
}

// engineLog returns the engine as a log.
func (n *node) engineLog() backplane.Log { return n.engine.(backplane.Log) }

// state returns what the node has recorded.
func (n *node) state() (l nodeLog) {
	n.cond.Update(func() {
		l = n.log
		l.entries = slices.Clone(l.entries)
	})
	return l
}

// read returns the entries of Read.
func (n *node) read(after, until uint64) (all []backplane.Entry, err error) {
	ctx, cancel := n.s.context()
	defer cancel()
	err = n.engineLog().Read(ctx, after, until, func(e backplane.Entry) error {
		all = append(all, e)
		return nil
	})
	return all, err
}

// report reports the problems of nodes.
func (s *suite) report(nodes ...*node) {
	s.Helper()
	for _, n := range nodes {
		for _, p := range n.found() {
			s.Errorf("%s: %s", n.self.Name, p)
		}
	}
}

func testLogOrder(s *suite) {
	a, b := s.nodes()
	c := s.start(backplane.ChannelEvents)
	const batches, each = 30, 7
	both(a, b, func(n *node) {
		for range batches {
			var batch []*backplane.Message
			for range each {
				batch = append(batch, n.event("x"))
			}
			n.send(batch...)
		}
	})
	for _, n := range []*node{a, b, c} {
		n.wait("all messages", func() bool { return n.own+len(n.received) >= 2*batches*each })
	}
	want := a.state()
	if got := want.entries[len(want.entries)-1].Last() - want.base; got != 2*batches*each {
		s.Errorf("the last of %d messages has the position %d", 2*batches*each, got)
	}
	for _, n := range []*node{a, b, c} {
		got := n.state()
		if got.jumps+got.bases > 0 || len(got.entries) != len(want.entries) {
			s.Fatalf("%s: %d entries, want %d, with %d jumps and %d bases", n.self.Name, len(got.entries), len(want.entries), got.jumps, got.bases)
		}
		for i, e := range got.entries {
			if e.First != want.entries[i].First || !bytes.Equal(e.Frame, want.entries[i].Frame) {
				s.Fatalf("%s: entry %d starts at %d, at another node at %d, or has another frame", n.self.Name, i, e.First, want.entries[i].First)
			}
		}
	}
	s.report(a, b, c)
}

func testLogLate(s *suite) {
	a := s.start(backplane.ChannelEvents)
	a.send(a.event("before"))
	a.wait("its own message", func() bool { return a.own == 1 })
	b := s.start(backplane.ChannelEvents)
	if got, want := b.state(), a.state(); got.base != want.base || got.last != want.last {
		s.Errorf("Opened(%d, %d), where another node has the base %d and the last position %d", got.base, got.last, want.base, want.last)
	}
	a.send(a.event("after"))
	b.want(a, 1)
	if got := b.state(); got.jumps > 0 {
		s.Errorf("the first entry starts at %d", got.entries[0].First)
	}
	s.report(a, b)
}

func testLogRoom(s *suite) {
	a, b := s.nodes()
	full := make(chan struct{})
	b.cond.Update(func() { b.log.full = full })
	const count = 300
	for range count {
		a.send(a.event("x"))
	}
	a.wait("its own messages", func() bool { return a.own == count })
	b.send(b.message(backplane.ChannelNode(a.self.ID), backplane.Message{Kind: backplane.Fetch, To: a.self.ID}))
	a.wait("a message of another channel", func() bool { return len(a.received) == 1 })
	if got := b.state(); len(got.entries) > 0 {
		s.Errorf("%d entries were taken while there was no room", len(got.entries))
	}
	close(full)
	b.want(a, count)
	if got := b.state(); got.jumps > 0 {
		s.Errorf("%d jumps after there was no room", got.jumps)
	}
	s.report(a, b)
}

func testLogStop(s *suite) {
	a, b := s.nodes()
	b.cond.Update(func() { b.log.full = make(chan struct{}) })
	a.send(a.event("x"), a.event("y"))
	a.wait("its own messages", func() bool { return a.own == 2 })
	b.cond.Wait(short, func() bool { return b.busy[backplane.ChannelEvents] })
	b.stop()
}

func testLogRead(s *suite) {
	a, b := s.nodes()
	const batches, each = 150, 3
	for range batches {
		a.send(a.event("x"), a.event("y"), a.event("z"))
	}
	b.wait("all messages", func() bool { return len(b.received) == batches*each })
	have := b.state()
	start, end := have.base, have.last
	for _, c := range [][2]uint64{{start, end}, {start, start + 1}, {start + 1, start + 2}, {start + 3, end}, {end - 1, end}, {start + 4, start + 7}} {
		got, err := b.read(c[0], c[1])
		if err != nil {
			s.Fatalf("Read after %d until %d: %v", c[0]-start, c[1]-start, err)
		}
		var want []backplane.Entry
		for _, e := range have.entries {
			if e.Last() > c[0] && e.First <= c[1] {
				want = append(want, e)
			}
		}
		if len(got) != len(want) {
			s.Fatalf("Read after %d until %d: %d entries, want %d", c[0]-start, c[1]-start, len(got), len(want))
		}
		for i, e := range got {
			if e.First != want[i].First || e.Messages != want[i].Messages || !bytes.Equal(e.Frame, want[i].Frame) {
				s.Errorf("Read after %d until %d: entry %d is not the one that was received", c[0]-start, c[1]-start, i)
			}
		}
	}
	if got, err := b.read(end, end); err != nil || len(got) > 0 {
		s.Errorf("Read of nothing: %d entries, %v", len(got), err)
	}
	for what, c := range map[string][2]uint64{"of what is before the base": {start - 1, end}, "of what was not sent": {end - 1, end + 1}, "of later positions": {end + 1, end + 2}} {
		if _, err := b.read(c[0], c[1]); !errors.Is(err, backplane.ErrPosition) {
			s.Errorf("Read %s: %v, want ErrPosition", what, err)
		}
	}
	wrong := errors.New("not now")
	ctx, cancel := s.context()
	defer cancel()
	calls := 0
	if err := b.engineLog().Read(ctx, start, end, func(backplane.Entry) error { calls++; return wrong }); !errors.Is(err, wrong) || calls != 1 {
		s.Errorf("Read after an error of the function: %v after %d calls", err, calls)
	}
}

func testLogAgain(s *suite) {
	a, b := s.nodes()
	batch := []*backplane.Message{a.event("1"), a.event("2")}
	for range 3 {
		a.send(batch...)
	}
	a.send(a.event("3"))
	b.want(a, 3)
	a.wait("its own messages", func() bool { return a.own >= 4 })
	for _, n := range []*node{a, b} {
		if got := n.state(); got.last-got.base != 4 || got.jumps > 0 { // with the last one of want
			s.Errorf("%s: positions up to %d of 4 messages, %d jumps", n.self.Name, got.last-got.base, got.jumps)
		}
	}
	s.report(a, b)
}

func testLogOutage(s *suite) {
	a, b := s.nodes()
	a.send(a.event("1"))
	b.want(a, 1)
	s.factory.Down()
	for _, n := range []*node{a, b} {
		n.wait("Link down", func() bool { return !n.links[len(n.links)-1].up })
	}
	s.factory.Up()
	for _, n := range []*node{a, b} {
		n.wait("Link up", func() bool { return n.links[len(n.links)-1].up })
	}
	a.send(a.event("2"), a.event("3"))
	a.wait("its own messages", func() bool { return a.own >= 3 })
	b.want(a, 2)
	for _, n := range []*node{a, b} {
		if got := n.state(); got.jumps > 0 {
			s.Errorf("%s: %d jumps without a new base", n.self.Name, got.jumps)
		}
	}
	s.report(a, b)
}

func testLogLoss(s *suite) {
	a, b := s.nodes()
	a.send(a.event("1"), a.event("2"))
	b.want(a, 2)
	before := b.state()
	s.factory.Forget()
	a.send(a.event("3"))
	a.wait("a new base", func() bool { return a.log.bases == 1 })
	b.want(a, 1)
	if got := b.state(); got.bases != 1 || got.base <= before.last || got.jumps > 0 {
		s.Errorf("after a loss: %d bases, the last at %d, which was at %d before, and %d jumps", got.bases, got.base, before.base, got.jumps)
	}
	for _, after := range []uint64{before.base, before.last} {
		if _, err := b.read(after, b.state().last); !errors.Is(err, backplane.ErrPosition) {
			s.Errorf("Read across the loss: %v, want ErrPosition", err)
		}
	}
	s.report(a, b)
}

func testLogTrim(s *suite) {
	a, b := s.nodes()
	full := make(chan struct{})
	const count = 500
	a.send(a.event("first"))
	b.want(a, 1)
	before := b.state()
	b.cond.Update(func() { b.log.full = full })
	for range count {
		a.send(a.event(strings.Repeat("x", 100)))
	}
	a.wait("its own messages", func() bool { return a.own >= count+2 })
	s.factory.Trim()
	close(full)
	b.want(a, b.trimmed(a))
	got := b.state()
	if got.jumps != 1 || got.bases != 0 {
		s.Errorf("after a loss: %d jumps and %d bases, want one jump", got.jumps, got.bases)
	}
	if _, err := b.read(before.last, got.last); !errors.Is(err, backplane.ErrPosition) {
		s.Errorf("Read across the loss: %v, want ErrPosition", err)
	}
	s.report(a, b)
}

// trimmed waits until the node has received everything of another one that is left, and returns how many messages
// that was.
func (n *node) trimmed(other *node) (count int) {
	n.s.Helper()
	end := other.message(backplane.ChannelEvents, backplane.Message{Event: theEnd})
	seq := end.Seq
	other.send(end)
	n.wait("the last message", func() bool { return n.ended[other.self.ID] >= seq })
	n.cond.Update(func() { count = len(n.received) })
	return count
}

func testEmitter(s *suite) {
	a := s.start(backplane.ChannelEvents)
	n := s.newNode()
	ctx, cancel := s.context()
	defer cancel()
	if err := n.engine.Start(ctx, n.self, inboundOnly{n}); err != nil {
		s.Fatalf("Start: %v", err)
	}
	s.Cleanup(n.stop)
	n.send(n.event("x"))
	a.want(n, 1)
	if got := n.state(); got.opened || len(got.entries)+n.own > 0 {
		s.Errorf("a program that is no node has received %d entries", len(got.entries))
	}
	if got := a.state(); got.jumps+got.bases > 0 {
		s.Errorf("%d jumps and %d bases after a program that is no node has sent", got.jumps, got.bases)
	}
}

// inboundOnly hides that a node is a LogInbound.
type inboundOnly struct{ backplane.Inbound }
