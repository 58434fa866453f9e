package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// maxMembers bounds the nodes that a node knows.
const maxMembers = 1000

// members are the other nodes that live.
type members struct {
	mu   sync.Mutex
	byID map[string]*member
}

type member struct {
	node  backplane.Node
	reads versions
	seen  time.Time // by the clock of this node
}

// versions are the minor versions of the envelope that a node reads.
type versions struct{ min, max int }

func (m *members) init() { m.byID = map[string]*member{} }

// add adds a node or replaces what is known of it, and reports whether it is new.
func (m *members) add(n backplane.Node, reads versions) (added bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.byID[n.ID]
	if known == nil && len(m.byID) >= maxMembers {
		return false
	}
	m.byID[n.ID] = &member{n, reads, time.Now()}
	return known == nil
}

// beat records that a node lives, and reports whether it is known.
func (m *members) beat(id string, clients int, draining bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.byID[id]
	if known == nil {
		return false
	}
	known.seen, known.node.Clients, known.node.Draining = time.Now(), clients, draining
	return true
}

// has reports whether a node is known.
func (m *members) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byID[id] != nil
}

// remove removes a node.
func (m *members) remove(id string) (n backplane.Node, was bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.byID[id]
	if known == nil {
		return backplane.Node{}, false
	}
	delete(m.byID, id)
	return known.node, true
}

// expire removes and returns the nodes that were not seen for a time.
func (m *members) expire(after time.Duration) (dead []backplane.Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for id, known := range m.byID {
		if now.Sub(known.seen) >= after {
			delete(m.byID, id)
			dead = append(dead, known.node)
		}
	}
	return dead
}

// version returns the newest minor version of the envelope that own and all nodes read. The error
// names a node that has none in common with own.
func (m *members) version(own versions) (uint8, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, err := own.max, error(nil)
	for id, known := range m.byID {
		if known.reads.max < own.min || known.reads.min > own.max {
			err = fmt.Errorf("node %s (%s) reads the versions %d to %d of messages, and this one %d to %d", id, known.node.Name, known.reads.min, known.reads.max, own.min, own.max)
			continue
		}
		v = min(v, known.reads.max)
	}
	return uint8(v), err
}

// ids returns the ids of the nodes.
func (m *members) ids() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.byID))
}

// others returns the nodes in the order of their start.
func (m *members) others() []backplane.Node {
	m.mu.Lock()
	all := make([]backplane.Node, 0, len(m.byID)+1)
	for _, known := range m.byID {
		all = append(all, known.node)
	}
	m.mu.Unlock()
	sortNodes(all)
	return all
}

// all returns the nodes and self.
func (m *members) all(self backplane.Node) []backplane.Node {
	all := append(m.others(), self)
	sortNodes(all)
	return all
}

func (c *Cluster) membersChanged() {
	if c.cfg.Members != nil {
		c.cfg.Members()
	}
}

func sortNodes(all []backplane.Node) {
	slices.SortFunc(all, func(a, b backplane.Node) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
}
