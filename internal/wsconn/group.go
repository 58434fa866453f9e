package wsconn

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Clock stamps events of connections. Stamps are nanoseconds since it was made,
// never 0. The coarse one costs a load; it lags by up to one sweep.
type Clock struct {
	base time.Time
	last atomic.Int64
}

// Now is the exact stamp.
func (c *Clock) Now() int64 {
	t := int64(time.Since(c.base)) + 1
	c.last.Store(t)
	return t
}

// Coarse is the stamp of the last sweep, or of a later Now.
func (c *Clock) Coarse() int64 { return c.last.Load() }

// Member is a connection of a [Group].
type Member interface {
	// Beat does what is due at the time, by the group's clock. It must not block.
	Beat(now int64)
	// Abort cuts the connection however it was being closed.
	Abort()
}

// Group is the connections of one server. It counts what is under way, looks
// after timeouts from a single goroutine that runs only while there are members,
// and waits for the end of all.
type Group struct {
	Clock Clock
	// Tick is how often members are looked at.
	Tick time.Duration

	minder  minder
	shards  atomic.Uint32
	name    string
	closing context.Context // ends handshakes under way
	cancel  context.CancelFunc

	mu        sync.Mutex
	members   map[Member]struct{}
	stopSweep chan struct{} // stops the sweeper; nil when none runs
	live      int           // handshakes, members and the sweeper
	closed    bool
	idle      chan struct{} // closed when the group is closed and nothing lives
}

// maxTick bounds how late the sweeper notices a client that has gone.
const maxTick = 500 * time.Millisecond

// NewGroup makes a group whose timeouts are all at least shortest; Tick is a
// thirty-second part of it, within 1 ms and 500 ms. The name is for errors.
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

// nextShard spreads connections over the minder's shards.
func (g *Group) nextShard() uint32 { return g.shards.Add(1) }

// Closing ends when the group is being closed.
func (g *Group) Closing() context.Context { return g.closing }

// Enter counts something that begins, such as a handshake; false when the group
// is closed. Each is followed by one Exit.
func (g *Group) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.live++
	return true
}

// EnterLate is Enter for what belongs to a living member: it is let in also
// while the group is being closed.
func (g *Group) EnterLate() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed && g.live == 0 {
		return false
	}
	g.live++
	return true
}

// Exit ends what Enter began.
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

// Add makes a member known; false when the group has been closed.
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

// Remove forgets a member.
func (g *Group) Remove(m Member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, m)
	if len(g.members) == 0 && g.stopSweep != nil {
		close(g.stopSweep)
		g.stopSweep = nil
	}
}

// Len is the number of members.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.members)
}

// A sweep that is lateTicks late tells that the process stood still, as when its
// machine was paused. Then members are left alone for graceTicks: what has come in
// meanwhile, answers to heartbeats too, is to be read before anybody is given up.
const (
	lateTicks  = 4
	graceTicks = 8
)

func (g *Group) sweep(stop <-chan struct{}) {
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
		if time.Duration(now-last) > lateTicks*g.Tick && !granted { // not twice in a row: where all is late, timeouts still hold
			grace, granted = graceTicks, true
		}
		last = now
		if grace > 0 {
			grace--
			continue
		}
		granted = false
		g.mu.Lock()
		for m := range g.members {
			members = append(members, m)
		}
		g.mu.Unlock()
		for _, m := range members { // without the lock: members have their own
			m.Beat(now)
		}
		clear(members)
		members = members[:0]
	}
}

// Close lets nothing more in and waits for the end of what is there. When ctx
// ends first, what is left is cut and the error says how much that was.
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
	n := len(g.members)
	left := make([]Member, 0, n)
	for m := range g.members {
		left = append(left, m)
	}
	g.mu.Unlock()
	for _, m := range left {
		m.Abort()
	}
	// Cut connections end at once; what does not is stuck in the framework.
	grace := time.NewTimer(time.Second)
	defer grace.Stop()
	select {
	case <-g.idle:
	case <-grace.C:
	}
	return fmt.Errorf("%s: %d connections were cut: %w", g.name, n, context.Cause(ctx))
}

// Live is how many handshakes, members and sweepers there are.
func (g *Group) Live() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.live
}
