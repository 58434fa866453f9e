package gateway

import (
	"context"
	"slices"
	"time"
)

// A node that has started just now does not know all others yet, nor what they have sent before. Clients that come to it wait for
// that.

// membersChanged ends the claims from nodes that are gone.
func (mv *moves) membersChanged() {
	if mv == nil {
		return
	}
	mv.mu.Lock()
	for _, c := range mv.claims {
		c.membersChanged()
	}
	if mv.changed != nil {
		close(mv.changed)
		mv.changed = nil
	}
	mv.mu.Unlock()
	mv.parking.membersChanged(mv)
	mv.rt.cluster.SendMarker() // until nodes that have joined know the number of this one's messages, its clients cannot move to them
}

// awaitNodes returns the other nodes that were not asked. Where this node has started just now, and may not know all of them yet, it
// waits for one.
func (mv *moves) awaitNodes(ctx context.Context, asked map[string]int) (nodes []string) {
	timer := time.NewTimer(max(0, startGrace-time.Since(mv.rt.node.Started)))
	defer timer.Stop()
	for {
		mv.mu.Lock()
		if mv.changed == nil {
			mv.changed = make(chan struct{})
		}
		changed := mv.changed
		mv.mu.Unlock()
		nodes = slices.DeleteFunc(mv.others(), func(id string) bool { return asked[id] > 0 })
		if len(nodes) > 0 {
			return nodes
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// unknown returns the nodes of which nothing had arrived here when the client was added to its rooms, but at the other node,
// where something may be on its way that they have sent before this node has connected: it would be missed. now is what was
// delivered here by then.
func (a *arrival) unknown(now vector) (ids []string) {
	mv := a.claim.mv
	if time.Since(mv.rt.node.Started) > startOnWay {
		return nil
	}
	for id := range a.last.Delivered {
		if _, known := now[id]; !known && id != a.node && !slices.Contains(a.last.Gone, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// awaitNumbers waits until something of each node has arrived, or this node runs for startOnWay. They send something when they
// learn of this node.
func (mv *moves) awaitNumbers(ctx context.Context, ids []string) {
	over := time.NewTimer(time.Until(mv.rt.node.Started.Add(startOnWay)))
	defer over.Stop()
	for {
		all, changed := mv.delivered.knows(ids)
		if all {
			return
		}
		select {
		case <-changed:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
