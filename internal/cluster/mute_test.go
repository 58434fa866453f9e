package cluster

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// sender makes frames of a node.
type sender struct {
	t   *testing.T
	x   *testNode
	id  string
	seq uint64
}

func (s *sender) frame(event string) []byte {
	s.t.Helper()
	s.seq++
	f, err := envelope.Append(nil, []*backplane.Message{{Kind: backplane.Event, Origin: s.id, Seq: s.seq, Channel: "e", Event: event}})
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

// receive has the node receive a frame.
func (s *sender) receive(frame []byte) {
	s.t.Helper()
	if !(inbound{s.x.Cluster}).ReceiveFrame("e", frame) {
		s.t.Error("no room")
	}
}

func (s *sender) send(event string) { s.receive(s.frame(event)) }

// malformed sends n frames of another number that are malformed.
func (s *sender) malformed(n int) {
	for range n {
		s.receive(append(s.frame("x"), 0)) // bytes after the last message
	}
}

func startAlone(t *testing.T) *testNode {
	t.Helper()
	return start(t, 1, &engine{send: func(context.Context, []*backplane.Message) error { return nil }})
}

// An origin that sends 100 malformed messages within a minute is not heard for a minute; others
// are.
func TestMuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := startAlone(t)
		a, b := &sender{t, x, nodeID(2), 0}, &sender{t, x, nodeID(3), 0}
		a.malformed(99)
		a.send("heard")
		synctest.Wait()
		x.take() // the messages before the bytes too many are read
		pass(time.Minute)
		a.malformed(99)
		a.send("last")
		synctest.Wait()
		if got := x.take(); got[len(got)-1] != "last" {
			t.Fatalf("99 malformed messages in each of two minutes: %q", got)
		}
		a.malformed(1)
		synctest.Wait()
		x.take()
		before := x.Stats()
		a.send("muted")
		b.send("other")
		x.want("other")
		if s := x.Stats(); s.Invalid != before.Invalid+1 || s.Received != before.Received+1 {
			t.Errorf("%+v, before %+v", s, before)
		}
		if n := len(x.log.Lines("sends malformed messages", "origin="+a.id)); n != 1 {
			t.Errorf("%d lines about the origin", n)
		}
		pass(time.Minute - time.Second)
		a.send("muted")
		x.want()
		pass(time.Second)
		a.send("again")
		x.want("again")
		if gaps := x.Stats().Gaps; gaps != 2 {
			t.Errorf("%d gaps, want 2", gaps)
		}
	})
}

// A node of a newer version is not muted for what this one does not know.
func TestUnknownIsNotMuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := startAlone(t)
		a := &sender{t, x, nodeID(2), 0}
		for range 3 * muteAfter {
			f := a.frame("x")
			f[len(f)-3] = 99 // the tag of the event
			a.receive(f)
		}
		a.send("heard")
		x.want("heard")
		if s := x.Stats(); s.Unknown != 3*muteAfter || s.Invalid != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Any number of origins in malformed messages needs no more memory, and frees none that is muted.
func TestRandomOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := startAlone(t)
		bad := &sender{t, x, nodeID(2), 0}
		bad.malformed(muteAfter)
		garbage := bytes.Repeat([]byte{0xff}, 100)
		for i := range 20_000 {
			f := (&sender{t, x, nodeID(1000 + i), 0}).frame("x")
			(&sender{t: t, x: x}).receive(append(f[:12:12], garbage...))
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		x.take()
		bad.send("muted")
		x.want()
		for _, w := range x.in {
			if len(w.offenders) > maxOffenders || len(w.origins) > 1 {
				t.Errorf("%d offenders, %d origins", len(w.offenders), len(w.origins))
			}
		}
		if lines := strings.Count(x.log.String(), "\n"); lines > 10 {
			t.Errorf("%d lines of log", lines)
		}
	})
}

// Nodes send at the newest version that all of them read; a node that reads none in common is
// named, and so is one of another major version.
func TestVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		var mu sync.Mutex
		var got []uint8
		of := func(n int, reads versions) *testNode {
			x := newNode(t, n, bus.Node())
			x.reads = reads
			x.chooseVersion()
			x.deliver = func(m *backplane.Message) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, m.Version)
			}
			if err := x.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			return x
		}
		a, b := of(1, versions{0, 3}), of(2, versions{0, 4})
		defer a.stop(t)
		defer b.stop(t)
		synctest.Wait()
		check := func(version uint8, receivers int) {
			t.Helper()
			got = nil
			a.mustEmit("event")
			synctest.Wait()
			if len(got) != receivers || got[0] != version {
				t.Errorf("versions %v, want %d from %d nodes", got, version, receivers)
			}
		}
		check(3, 1)
		c := of(3, versions{0, 1})
		synctest.Wait()
		check(1, 2)
		c.stop(t)
		synctest.Wait()
		check(3, 1)
		if a.Health().Degraded {
			t.Errorf("%+v", a.Health())
		}
		d := of(4, versions{5, 6})
		synctest.Wait()
		for _, x := range []*testNode{a, d} {
			if h := x.Health(); !h.Degraded || !strings.Contains(h.Reason.Error(), "reads the versions") {
				t.Errorf("%s: %+v", x.Self().Name, h)
			}
		}
		if n := len(a.log.Lines("degraded", "0000000000000004 (node 4) reads the versions 5 to 6 of messages, and this one 0 to 3")); n != 1 {
			t.Error(a.log)
		}
		pass(3 * time.Minute)
		if !a.Health().Degraded {
			t.Error("not degraded while the node lives")
		}
		d.stop(t)
		pass(2 * time.Minute)
		if a.Health().Degraded {
			t.Errorf("degraded though the node has left: %+v", a.Health())
		}
		f := (&sender{t, a, nodeID(9), 0}).frame("x")
		f[2] = 0x20
		(&sender{t: t, x: a}).receive(f)
		synctest.Wait()
		if h := a.Health(); !h.Degraded || !strings.Contains(h.Reason.Error(), "node 0000000000000009: envelope: major version 2, this is 1") || a.Stats().Unknown != 1 {
			t.Errorf("another major version: %+v", h)
		}
	})
}
