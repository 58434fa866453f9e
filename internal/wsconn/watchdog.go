package wsconn

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// watchdog steals the turn of readers whose handlers run too long. Its goroutine runs
// only while there are turns.
//
// A turn is one run of Work on the reading goroutine. Conn.turn counts starts and ends, so
// it is odd during a turn. The goroutine that increments it from odd to even ends the turn:
// the reader itself, which reads on, or a thief, which starts another reader.
//
// A message takes no lock of the watchdog: a connection has a slot from its first turn until it is parked or has ended, and
// in a turn only sets and clears the slot's bit.
type watchdog struct {
	awake atomic.Bool

	mu    sync.Mutex
	slots []*turnSlots // only grows
	free  []turnSlot
}

// turnSlots are 64 slots. Its connections are not those that have come one after the other, see grow.
type turnSlots struct {
	running atomic.Uint64 // a bit for each slot whose connection is in a turn
	conns   [slotsTogether]atomic.Pointer[Conn]
	seen    [slotsTogether]atomic.Uint64 // the turn at the last tick
}

const slotsTogether = 64

// turnSlot is a slot; the zero value is none.
type turnSlot struct {
	of  *turnSlots
	bit uint8
}

func (s turnSlot) start() { s.of.running.Or(1 << s.bit) }
func (s turnSlot) end()   { s.of.running.And(^(1 << s.bit)) }

const (
	watchdogTick = time.Millisecond
	watchdogIdle = 100 // ticks without a turn before the goroutine ends
)

// add starts a turn and returns its number.
func (d *watchdog) add(c *Conn) (turn uint64) {
	slot := &c.framed.slot
	if slot.of == nil {
		*slot = d.take(c)
	}
	turn = c.turn.Add(1)
	slot.start()
	if !d.awake.Load() && d.awake.CompareAndSwap(false, true) {
		if g := c.cfg.Group; g.EnterLate() {
			go d.run(g)
		}
	}
	return turn
}

// take takes a slot for a connection.
func (d *watchdog) take(c *Conn) turnSlot {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.free) == 0 {
		d.grow()
	}
	last := len(d.free) - 1
	s := d.free[last]
	d.free = d.free[:last]
	s.of.seen[s.bit].Store(0)
	s.of.conns[s.bit].Store(c)
	return s
}

// leave frees the slot of a connection, if it has one. It is in no turn.
func (d *watchdog) leave(c *Conn) {
	s := c.framed.slot
	if s.of == nil {
		return
	}
	c.framed.slot = turnSlot{}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.of.conns[s.bit].Store(nil)
	d.free = append(d.free, s)
}

// grow adds slots. Those that are taken one after the other have different words, so that cores share these less.
func (d *watchdog) grow() {
	const words = 8
	for range words {
		d.slots = append(d.slots, new(turnSlots))
	}
	for bit := range uint8(slotsTogether) {
		for _, s := range d.slots[len(d.slots)-words:] {
			d.free = append(d.free, turnSlot{s, bit})
		}
	}
}

// run is the watchdog's goroutine.
func (d *watchdog) run(g *Group) {
	defer g.Exit()
	t := time.NewTicker(watchdogTick)
	defer t.Stop()
	var late []*Conn
	for idle := 0; idle < watchdogIdle; {
		<-t.C
		idle++
		for _, s := range d.all() {
			running := s.running.Load()
			if running != 0 {
				idle = 0
			}
			late = s.stealLate(running, late)
		}
		for _, c := range late {
			c.startReader()
		}
		clear(late)
		late = late[:0]
		if idle == watchdogIdle || idle > 0 && g.closing.Err() != nil {
			d.awake.Store(false)
			if !d.busy() || !d.awake.CompareAndSwap(false, true) {
				return
			}
			idle = 0
		}
	}
}

// all returns the slots that there are now.
func (d *watchdog) all() []*turnSlots {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.slots
}

// stealLate ends the turns that the last tick has seen, of the slots whose bits are set, and appends their connections to late.
func (s *turnSlots) stealLate(running uint64, late []*Conn) []*Conn {
	for ; running != 0; running &= running - 1 {
		i := bits.TrailingZeros64(running)
		c := s.conns[i].Load()
		if c == nil {
			continue // its turn has just ended
		}
		turn := c.turn.Load()
		if turn&1 == 0 || s.seen[i].Swap(turn) != turn {
			continue
		}
		if c.endTurn(turn) {
			late = append(late, c)
		}
	}
	return late
}

func (d *watchdog) busy() bool {
	return slices.ContainsFunc(d.all(), func(s *turnSlots) bool { return s.running.Load() != 0 })
}
