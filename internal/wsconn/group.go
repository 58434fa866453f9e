package wsconn

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/sockio"
)

// Member is a connection of a [Group].
type Member interface {
	// CheckTimeouts closes what has timed out, and sends heartbeats. now is of the
	// group's clock. It is called at every sweep and must not block.
	CheckTimeouts(now int64)
	// Abort ends the connection at once, even while it is being closed.
	Abort()
}

// Group is the connections of one server. It counts what is under way, checks timeouts
// on one goroutine, the sweeper, which runs only while there are members, and waits for
// the end of everything. Its methods are safe for concurrent use.
type Group struct {
	Clock Clock
	// Tick is the time between two sweeps.
	Tick time.Duration

	watchdog watchdog
	reclaim  reclaim
	serial   atomic.Uint32
	unread   atomic.Int32 // connections that wait with a reader for their first message
	name     string
	closing  context.Context // ends handshakes under way
	cancel   context.CancelFunc

	mu        sync.Mutex
	members   map[Member]struct{}
	stopSweep chan struct{}  // stops the sweeper; nil when none runs
	poller    *sockio.Poller // of parked connections; nil when none runs
	live      int            // what Enter and Add count, and the goroutines
	closed    bool
	idle      chan struct{} // closed when the group is closed and live is 0
}

// maxTick bounds how late the sweeper notices that a client has gone.
const maxTick = 500 * time.Millisecond

// NewGroup returns a group whose timeouts are at least shortest: Tick is a 32nd of it,
// within 1 ms and 500 ms. The name is for errors.
func NewGroup(name string, shortest time.Duration) *Group {
	g := &Group{
		Clock:   Clock{base: time.Now()},
		Tick:    min(max(shortest/32, time.Millisecond), maxTick),
		name:    name,
		members: make(map[Member]struct{}),
		idle:    make(chan struct{}),
	}
	g.closing, g.cancel = context.WithCancel(context.Background())
	return g
}

// nextSerial numbers connections, so that what is rare is not done for all at once.
func (g *Group) nextSerial() uint32 { return g.serial.Add(1) }

// Closing returns a context that is cancelled when the group is closed.
func (g *Group) Closing() context.Context { return g.closing }

// Enter counts something that starts, such as a handshake, until Exit. It returns false
// when the group is closed.
func (g *Group) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.live++
	return true
}

// EnterLate is Enter for what belongs to a member: it succeeds also while the group is
// closing, as long as anything is left.
func (g *Group) EnterLate() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed && g.live == 0 {
		return false
	}
	g.live++
	return true
}

// Exit ends what Enter counted.
func (g *Group) Exit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.live--
	g.checkIdle()
}

func (g *Group) checkIdle() {
	if g.closed && g.live == 0 {
		select {
		case <-g.idle:
		default:
			close(g.idle)
		}
	}
}

// Add adds a member. It returns false when the group is closed.
func (g *Group) Add(m Member) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.members[m] = struct{}{}
	if g.stopSweep == nil {
		g.Clock.Now()
		g.live++
		g.stopSweep = make(chan struct{})
		go g.sweep(g.stopSweep)
	}
	return true
}

// Remove removes a member.
func (g *Group) Remove(m Member) {
	if p := g.remove(m); p != nil {
		p.Close()
	}
}

// remove returns the poller that has to be closed; nil while there are members.
func (g *Group) remove(m Member) *sockio.Poller {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, m)
	if len(g.members) > 0 {
		return nil
	}
	if g.stopSweep != nil {
		close(g.stopSweep)
		g.stopSweep = nil
	}
	p := g.poller
	g.poller = nil
	return p
}

// A sweep that is lateTicks late means that the process stood still, as when its machine
// was paused. Then timeouts are not checked for graceTicks: what has arrived meanwhile,
// answers to heartbeats too, must be read before any client counts as gone.
const (
	lateTicks  = 4
	graceTicks = 8
)

// sweep is the sweeper. Only the one whose stop is g.stopSweep checks members: another one may run
// already while this one has not noticed that it was stopped.
func (g *Group) sweep(stop chan struct{}) {
	defer g.Exit()
	t := time.NewTicker(g.Tick)
	defer t.Stop()
	var members []Member
	last, grace, granted := g.Clock.Now(), 0, false
	for {
		select {
		case <-stop:
			return
		case <-t.C:
		}
		now := g.Clock.Now()
		if time.Duration(now-last) > lateTicks*g.Tick && !granted { // not twice in a row: timeouts hold where every sweep is late
			grace, granted = graceTicks, true
		}
		last = now
		if grace > 0 {
			grace--
			continue
		}
		granted = false
		g.mu.Lock()
		if g.stopSweep != stop {
			g.mu.Unlock()
			return
		}
		for m := range g.members {
			members = append(members, m)
		}
		g.mu.Unlock()
		for _, m := range members { // without the lock: members have locks of their own
			m.CheckTimeouts(now)
		}
		g.reclaimMemory(now, len(members))
		clear(members)
		members = members[:0]
	}
}

// Close refuses new members and waits until all have ended. When ctx ends first, it
// aborts the rest and returns an error with their number.
func (g *Group) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	g.checkIdle()
	g.mu.Unlock()
	g.cancel()
	select {
	case <-g.idle:
		return nil
	default:
	}
	select {
	case <-g.idle:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	left := slices.Collect(maps.Keys(g.members))
	g.mu.Unlock()
	for _, m := range left {
		m.Abort()
	}
	// Aborted connections end at once; what does not is stuck in the framework.
	await.Within(time.Second, g.idle)
	return fmt.Errorf("%s: %d connections were aborted: %w", g.name, len(left), context.Cause(ctx))
}
