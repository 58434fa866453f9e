package socketio

import (
	"math/rand/v2"
	"sync"
	"testing"
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
		receive(t, "Suspend", v.s.suspended)
	}
	a := r.srv.recovery
	r.eventually("an end", func() bool {
		dropped := 0
		for _, v := range returning {
			dropped += len(v.s.dropped)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.absent) == len(a.journals) && dropped+len(a.absent) == clients
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.absent) != most {
		t.Errorf("%d are kept, at most %d may be", len(a.absent), most)
	}
}
