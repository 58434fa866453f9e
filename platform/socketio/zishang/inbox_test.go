package zishang

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// slowSession takes a message for every token.
type slowSession struct {
	tokens chan struct{}
	got    []string
	acks   []uint64
	closed []websockets.Reason
}

func (s *slowSession) Receive(m *adapter.Message) adapter.Work {
	<-s.tokens
	s.got = append(s.got, m.Event)
	return nil
}
func (s *slowSession) Ack(n uint64, _ websockets.Payload) { s.acks = append(s.acks, n) }
func (s *slowSession) Closed(r websockets.Reason) {
	s.closed = append(s.closed, r)
	if s.tokens != nil {
		close(s.tokens) // Receive returns when the session is closed
	}
}
func (*slowSession) Same(*adapter.Handshake, func(websockets.Client, *websockets.Handshake) bool) bool {
	return true
}

func (*slowSession) Upgraded() {}

func (s *slowSession) Suspend(websockets.Reason) adapter.Suspension { return nil }

func newInbox() *inbox {
	return &inbox{maxBytes: 100, start: func(f func()) { go f() }, ended: func() {}}
}

func event(name string, size int) *adapter.Message {
	return &adapter.Message{Event: name, Payload: websockets.Payload{JSON: make([]byte, size)}}
}

func TestInboxKeepsWhatComesBeforeTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newInbox(), &slowSession{tokens: make(chan struct{}, 10)}
		for range 10 {
			s.tokens <- struct{}{}
		}
		b.put(event("a", 1))
		b.ack(5, websockets.Payload{})
		b.put(event("b", 1))
		b.open(s)
		synctest.Wait()
		b.ack(6, websockets.Payload{})
		if len(s.got) != 2 || s.got[0] != "a" || s.got[1] != "b" || len(s.acks) != 2 || s.acks[0] != 5 {
			t.Fatal(s.got, s.acks)
		}
	})
}

func TestInboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newInbox(), &slowSession{tokens: make(chan struct{})}
		b.open(s)
		b.put(event("big", 1000)) // alone, whatever its size
		synctest.Wait()           // taken by Receive
		b.put(event("a", 90))
		ok, room, taken := b.put(event("b", 90))
		if ok || taken != 0 {
			t.Fatal("no bound in bytes")
		}
		s.tokens <- struct{}{}
		<-room
		synctest.Wait()
		if ok, _, _ := b.put(event("b", 90)); !ok {
			t.Fatal("no room")
		}
		b.close(websockets.Reason{}, true, time.Second)
		synctest.Wait()

		b = newInbox()
		for i := range inboxMessages {
			b.put(event(strconv.Itoa(i), 0))
		}
		if ok, _, _ := b.put(event("more", 0)); ok {
			t.Fatal("no bound in messages")
		}
	})
}

func TestInboxCloseHandsOnWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newInbox(), &slowSession{tokens: make(chan struct{}, 2)}
		b.open(s)
		b.put(event("a", 1))
		b.put(event("b", 1))
		b.close(websockets.Reason{Cause: websockets.CauseClientDisconnect}, false, time.Second)
		b.close(websockets.Reason{Cause: websockets.CausePingTimeout}, false, time.Second)
		b.put(event("late", 1))
		synctest.Wait()
		if len(s.closed) != 0 {
			t.Fatal("closed before its messages")
		}
		s.tokens <- struct{}{}
		s.tokens <- struct{}{}
		synctest.Wait()
		if len(s.got) != 2 || len(s.closed) != 1 || s.closed[0].Cause != websockets.CauseClientDisconnect {
			t.Fatal(s.got, s.closed)
		}
	})
}

func TestInboxCloseHasPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newInbox(), &slowSession{tokens: make(chan struct{})}
		b.open(s)
		b.put(event("a", 1))
		b.put(event("b", 1))
		start := time.Now()
		b.close(websockets.Reason{}, false, time.Second)
		synctest.Wait()
		wait(2 * time.Second) // of the bubble
		synctest.Wait()
		if len(s.closed) != 1 || time.Since(start) > 2*time.Second || len(s.got) != 1 {
			t.Fatal(s.closed, s.got)
		}
	})
}

func TestInboxCloseDiscards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newInbox(), &slowSession{tokens: make(chan struct{})}
		b.open(s)
		b.put(event("a", 1))
		b.put(event("b", 1))
		synctest.Wait()
		b.close(websockets.Reason{Cause: websockets.CauseServerDisconnect}, true, time.Hour)
		synctest.Wait()
		if len(s.closed) != 1 || len(s.got) != 1 {
			t.Fatal(s.closed, s.got)
		}
	})
}

func TestInboxClosedBeforeTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, waiting := range []int{0, 2} {
			b, s := newInbox(), &slowSession{tokens: make(chan struct{}, 10)}
			for range waiting {
				b.put(event("a", 1))
				s.tokens <- struct{}{}
			}
			b.close(websockets.Reason{Cause: websockets.CauseTransportClose}, false, time.Second)
			b.open(s)
			synctest.Wait()
			if len(s.got) != waiting || len(s.closed) != 1 {
				t.Fatal(s.got, s.closed)
			}
		}
	})
}

// Stalled implements the contract: nothing is ever blocked here.
func (*slowSession) Stalled() time.Duration { return 0 }

func (*slowSession) Cancel(func(*adapter.Message) bool) {}
