package socketio

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Whenever and however a client loses its connection, what is emitted meanwhile reaches it
// once and in order.
func TestNothingIsLostOrDoubled(t *testing.T) {
	const rounds, perRound = 60, 40
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{Recovery: &Recovery{}})
		v := r.visit(open(r), "")
		v.s.number(t, 0)
		v.expect(t, 0)
		seen := 0
		for range rounds {
			old := v.s
			first := seen + 1
			var emitting sync.WaitGroup
			emitting.Go(func() { // to the old client
				for n := first; n < first+perRound; n++ {
					if err := old.conn.Emit(number(n), 0); err != nil {
						t.Errorf("emit %d: %v", n, err)
						return
					}
				}
			})
			for range rand.IntN(perRound / 2) {
				seen++
				v.expect(t, seen)
			}
			if rand.IntN(3) > 0 { // otherwise the server has not noticed when it reconnects
				v.cut()
			}
			v = r.back(v, open, true)
			for seen < first+perRound-1 {
				seen++
				v.expect(t, seen)
			}
			emitting.Wait()
			if t.Failed() {
				return
			}
		}
	})
}

// The same with volatile events between, whose offset is often the last that the client has.
func TestVolatileOffsetsLoseNothing(t *testing.T) {
	const rounds, perRound = 40, 60
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{Recovery: &Recovery{}})
		v := r.visit(open(r), "")
		v.s.number(t, 0)
		v.expect(t, 0)
		seen, resumed := 0, 0
		for range rounds {
			old := v.s
			first := seen + 1
			var emitting sync.WaitGroup
			emitting.Go(func() {
				for n := first; n < first+perRound; n++ {
					if err := old.conn.Emit(number(n), 0); err != nil {
						t.Errorf("emit %d: %v", n, err)
						return
					}
				}
			})
			emitting.Go(func() {
				for range perRound {
					volatile := number(-1)
					volatile.Volatile = true
					_ = old.conn.Emit(volatile, 0) // dropped when something waits
				}
			})
			last := false // the last event was a volatile one
			for range rand.IntN(perRound) {
				if last = v.next(t, seen+1) < 0; !last {
					seen++
				}
			}
			if last {
				resumed++
			}
			if rand.IntN(3) > 0 {
				v.cut()
			}
			v = r.back(v, open, true)
			for seen < first+perRound-1 {
				if v.next(t, seen+1) >= 0 {
					seen++
				}
			}
			emitting.Wait()
			if t.Failed() {
				return
			}
		}
		t.Logf("%d times of %d from a volatile event", resumed, rounds)
	})
}

// next reads an event, which must be n or volatile, and returns its number.
func (v *returningClient) next(t testing.TB, n int) int {
	t.Helper()
	var got int
	packet := v.read()
	if _, err := fmt.Sscanf(packet, `42["n",%d,%q]`, &got, &v.offset); err != nil || got != n && got != -1 {
		t.Fatalf("got %.200q, want number %d", packet, n)
	}
	return got
}

// MaxClients holds also when all clients leave at once.
func TestAllLeaveAtOnce(t *testing.T) {
	const clients, most = 300, 20
	r := newTestServer(t, Options{Recovery: &Recovery{MaxClients: most}})
	returning := make([]*returningClient, clients)
	for i := range returning {
		returning[i] = r.visit(r.peer(), "")
	}
	for _, v := range returning {
		go v.cut()
	}
	for _, v := range returning {
		testkit.Receive(t, "Suspend", v.s.suspended)
	}
	testkit.Eventually(r.t, "an end", func() bool {
		dropped := 0
		for _, v := range returning {
			dropped += len(v.s.dropped)
		}
		journals, absent, _ := r.srv.recovery.Sizes()
		return absent == journals && dropped+absent == clients
	})
	if _, absent, _ := r.srv.recovery.Sizes(); absent != most {
		t.Errorf("%d are kept, at most %d may be", absent, most)
	}
}
