package socketio

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestMaxBytesWhileAway(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{MaxBytes: 1000}})
	v := r.away()
	fill := adapter.NewOutgoing("n", strings.Repeat("x", 400))
	for range 4 {
		_ = v.s.conn.Emit(fill, 0)
	}
	testkit.Receive(t, "Drop", v.s.dropped)
	if err := v.s.conn.Emit(number(1), 0); err != websockets.ErrClosed {
		t.Errorf("Emit: %v", err)
	}
	w := r.back(v, overPeer, false)
	w.s.number(t, 5)
	w.expect(t, 5)
}

// While the client is connected the oldest events make room: it needs the last offset only.
func TestMaxBytesWhileHere(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{MaxBytes: 1000}})
	v := r.visit(r.peer(), "")
	for n := range 500 {
		v.s.number(t, n)
		v.expect(t, n)
	}
	rec := v.s.conn.(*socket).journal
	if events, bytes, _ := rec.Kept(); bytes > 1000 || bytes < 500 || events > 100 {
		t.Errorf("%d bytes, %d events", bytes, events)
	}
	v.cut()
	testkit.Receive(t, "Suspend", v.s.suspended)
	v.s.number(t, 500)
	v = r.back(v, overPeer, true)
	v.expect(t, 500)
}

// A single event over MaxBytes does not cost a client that has it its place.
func TestLargeEventWhileHere(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{MaxBytes: 100}})
	v := r.visit(r.peer(), "")
	big := fmt.Sprintf("%0200d", 1)
	if err := v.s.conn.Emit(adapter.NewOutgoing("n", big), 0); err != nil {
		t.Fatal(err)
	}
	got := v.read()
	v.offset = got[len(`42["n","`)+len(big)+len(`","`) : len(got)-len(`"]`)]
	v.cut()
	testkit.Receive(t, "Suspend", v.s.suspended)
	r.back(v, overPeer, true)
}

// Volatile events are not kept, only their offsets: a client may resume from each.
func TestVolatileEventsAreNotRecorded(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{}})
	v := r.visit(r.peer(), "")
	v.s.number(t, 0)
	v.expect(t, 0)
	rec := v.s.conn.(*socket).journal
	held := func() int {
		_, bytes, _ := rec.Kept()
		return bytes
	}
	before := held()
	for range 100 {
		volatile := number(1)
		volatile.Volatile = true
		testkit.Eventually(r.t, "an empty queue", func() bool { return v.s.conn.Emit(volatile, 0) == nil })
		v.expect(t, 1)
	}
	if more := held() - before; more != 100*resume.PositionSize {
		t.Errorf("100 volatile events are counted with %d bytes", more)
	}
	v.cut()
	testkit.Receive(t, "Suspend", v.s.suspended)
	v.s.number(t, 2)
	v = r.back(v, overPeer, true)
	v.expect(t, 2)
}

// Events that a client must have received are dropped, except the last offset.
func TestRecordIsTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, Options{Recovery: &Recovery{}}, with(func(l *websockets.Limits) {
			l.PingInterval, l.PingTimeout = 10*time.Second, 10*time.Second
		}))
		v := r.visit(r.peer(), "")
		for n := range 50 {
			v.s.number(t, n)
			v.expect(t, n)
		}
		for range 5 {
			want(t, v, "2")
			v.send("3")
		}
		synctest.Wait()
		rec := v.s.conn.(*socket).journal
		if events, _, known := rec.Kept(); events != 0 || known != v.offset {
			t.Errorf("%d events are kept, and the offset %s instead of %s", events, known, v.offset)
		}
		v.cut()
		<-v.s.suspended
		v.s.number(t, 50)
		v = r.back(v, overPeer, true)
		v.expect(t, 50)
	})
}

// The offset of a volatile event may be the last that a client has, also long afterwards.
func TestTrimKeepsTheLastOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, Options{Recovery: &Recovery{}}, with(func(l *websockets.Limits) {
			l.PingInterval, l.PingTimeout = 10*time.Second, 10*time.Second
		}))
		v := r.visit(r.peer(), "")
		v.s.number(t, 0)
		v.expect(t, 0)
		volatile := number(7)
		volatile.Volatile = true
		synctest.Wait()
		if err := v.s.conn.Emit(volatile, 0); err != nil {
			t.Fatal(err)
		}
		v.expect(t, 7)
		for range 5 {
			want(t, v, "2")
			v.send("3")
		}
		synctest.Wait()
		v.cut()
		<-v.s.suspended
		v.s.number(t, 1)
		v = r.back(v, overPeer, true)
		v.expect(t, 1)
	})
}
