package memory

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// DefaultQueueSize is how many bytes may wait for a node unless [QueueSize] sets another bound.
const DefaultQueueSize = 16 << 20

// Bus is a service of messages inside the process. Its methods are safe for concurrent use.
type Bus struct {
	seed      uint64
	queueSize int
	maxBytes  int
	loopback  bool
	retention time.Duration // 0 without a log
	logSize   int

	mu      sync.Mutex
	nodes   []*Backplane // that have started and not stopped
	made    int
	faults  Faults // of links without their own
	down    bool
	lost    int
	log     *eventLog // nil without Log
	replica *eventLog // of CutReplica
	// groups are those of Partition; nil without. A node of none is in group 0.
	groups map[*Backplane]int
}

// Option configures a [Bus].
type Option func(*Bus)

// Seed sets the seed of the faults. Default 0.
func Seed(n uint64) Option { return func(b *Bus) { b.seed = n } }

// QueueSize sets how many bytes may wait for each node; what is more is lost. Default
// [DefaultQueueSize].
func QueueSize(bytes int) Option { return func(b *Bus) { b.queueSize = bytes } }

// MaxBytes limits the size of a message. Default: no limit of the bus.
func MaxBytes(n int) Option { return func(b *Bus) { b.maxBytes = n } }

// Loopback has nodes receive their own messages too, as some services do.
func Loopback() Option { return func(b *Bus) { b.loopback = true } }

// Log has the bus keep events for a time, and records of clients: its nodes are those of [Bus.LogNode]. 0 is
// [DefaultRetention].
func Log(retention time.Duration) Option {
	return func(b *Bus) { b.retention = cmp.Or(max(retention, 0), DefaultRetention) }
}

// LogSize limits the events that are kept, in bytes of their frames. Default: as [QueueSize].
func LogSize(bytes int) Option { return func(b *Bus) { b.logSize = bytes } }

// NewBus returns a bus without nodes.
func NewBus(opts ...Option) *Bus {
	b := &Bus{queueSize: DefaultQueueSize}
	for _, o := range opts {
		o(b)
	}
	if b.retention > 0 {
		b.log = newEventLog(b.retention, cmp.Or(b.logSize, b.queueSize))
	}
	return b
}

// Node returns the engine of one application.
func (bus *Bus) Node() *Backplane {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	return bus.node()
}

// node is Node; bus.mu is held.
func (bus *Bus) node() *Backplane {
	bus.made++
	return &Backplane{
		bus: bus, number: bus.made, wants: map[string]struct{}{}, links: map[*Backplane]*link{},
		wake: make(chan struct{}, 1), connected: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// SetFaults sets the faults of every link without faults of its own.
func (bus *Bus) SetFaults(f Faults) {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	bus.faults = f
}

// Down cuts off every node, also those that start later, until Up.
func (bus *Bus) Down() { bus.setDown(true) }

// Up connects the nodes again that are not cut off themselves.
func (bus *Bus) Up() { bus.setDown(false) }

func (bus *Bus) setDown(down bool) {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	bus.down = down
	for _, n := range bus.nodes {
		n.relink()
	}
}

// Partition separates the nodes: those of a group hear each other, and those that are in no group
// too. What goes from one to another is lost, and none of them notices: their connections stay up.
// It replaces the partition before it; without groups there is none.
func (bus *Bus) Partition(groups ...[]*Backplane) {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	bus.groups = map[*Backplane]int{}
	for i, g := range groups {
		for _, n := range g {
			bus.groups[n] = i + 1
		}
	}
}

// Publish sends bytes on a channel, as other software does that uses the service: to every node that
// is connected and wants the channel.
func (bus *Bus) Publish(channel string, frame []byte) {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	for _, n := range bus.nodes {
		if _, wants := n.wants[channel]; !wants || !n.link.up {
			continue
		}
		if !n.queue.push(item{at: time.Now(), channel: channel, frame: bytes.Clone(frame), messages: 1}, bus.queueSize) {
			bus.lost++
		}
		n.signal()
	}
}

// Lost returns how many messages did not reach a node that wanted them: by faults, because a node
// was cut off, or because too many waited for it. A message that three nodes lost counts three
// times.
func (bus *Bus) Lost() int {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	return bus.lost
}

// remove removes a node; bus.mu is held.
func (bus *Bus) remove(b *Backplane) {
	bus.nodes = slices.DeleteFunc(bus.nodes, func(n *Backplane) bool { return n == b })
}

// link returns the link between two nodes; bus.mu is held.
func (bus *Bus) link(from, to *Backplane) *link {
	l := from.links[to]
	if l == nil {
		l = &link{rnd: rand.New(rand.NewPCG(bus.seed, uint64(from.number)<<32|uint64(to.number)))} //nolint:gosec // faults that repeat, no secret
		from.links[to] = l
	}
	return l
}

// receivers returns the nodes that want a message; bus.mu is held.
func (bus *Bus) receivers(from *Backplane, m *backplane.Message) (to []*Backplane) {
	for _, n := range bus.nodes {
		if n == from && !bus.loopback || m.To != "" && m.To != n.self.ID {
			continue
		}
		if _, wants := n.wants[m.Channel]; wants {
			to = append(to, n)
		}
	}
	return to
}
