package gateway

import (
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Messages of other nodes that are lost are found by their numbers. They may have been for any client that this node has by then,
// connected or absent: none of them is recovered when it reconnects, here or by another node. A client that is on its way here
// needs of the lost messages only those that the other node had not delivered. One that was recovered after the loss and before
// it was found is cut, see resets.

// lost handles a loss. No event is noted as delivered meanwhile that comes after it.
func (rt *Runtime) lost(l cluster.Loss) {
	if rt.moves != nil {
		rt.moves.gate.RLock()
		defer rt.moves.gate.RUnlock()
		rt.moves.losses.add(l)
	}
	for _, s := range rt.servers {
		if f, ok := s.adapterServer.(adapter.Forgetter); ok {
			f.Forget()
		}
	}
	rt.afterLoss(l.Since)
}

// losses are the last messages that each node has lost lately. The zero value is empty.
type losses struct {
	mu sync.Mutex
	by map[string]lastOf
}

// add adds a loss, and forgets those that no client on its way here can need any more.
func (ls *losses) add(l cluster.Loss) {
	now := time.Now()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.by == nil {
		ls.by = map[string]lastOf{}
	}
	for id, last := range ls.by {
		if now.Sub(last.at) > originOnWay {
			delete(ls.by, id)
		}
	}
	ls.by[l.Origin] = lastOf{seq: l.Last, at: now}
}

// beyond reports whether something was lost here that is not in what another node has delivered.
func (ls *losses) beyond(v vector) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for id, last := range ls.by {
		if last.seq > v[id] && time.Since(last.at) < originOnWay {
			return true
		}
	}
	return false
}
