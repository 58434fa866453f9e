package wsconn

import (
	"sync"
	"sync/atomic"
	"time"
)

// watchdog steals the turn of readers whose handlers run too long. Its goroutine runs
// only while there are turns. Connections are spread over shards, each with its lock.
//
// A turn is one run of Work on the reading goroutine. Conn.turn counts starts and ends, so
// it is odd during a turn. The goroutine that increments it from odd to even ends the turn:
// the reader itself, which reads on, or a thief, which starts another reader.
type watchdog struct {
	awake  atomic.Bool
	shards [32]watchdogShard
}

type watchdogShard struct {
	mu    sync.Mutex
	turns []watchedTurn
	_     [32]byte // a cache line of its own
}

type watchedTurn struct {
	c    *Conn
	turn uint64
	seen bool // at an earlier tick
}

const (
	watchdogTick = time.Millisecond
	watchdogIdle = 100 // ticks without a turn before the goroutine ends
)

func (d *watchdog) shardOf(c *Conn) *watchdogShard { return &d.shards[c.shard%uint32(len(d.shards))] }

// add starts a turn and returns its number.
func (d *watchdog) add(c *Conn) (turn uint64) {
	s := d.shardOf(c)
	s.mu.Lock()
	turn = c.turn.Add(1) // under the lock: steal looks for the connection here
	c.turnIndex = int32(len(s.turns))
	s.turns = append(s.turns, watchedTurn{c: c, turn: turn})
	s.mu.Unlock()
	if !d.awake.Load() && d.awake.CompareAndSwap(false, true) {
		if g := c.cfg.Group; g.EnterLate() {
			go d.run(g)
		}
	}
	return turn
}

// remove removes a turn that has ended.
func (d *watchdog) remove(c *Conn) {
	s := d.shardOf(c)
	s.mu.Lock()
	s.drop(c.turnIndex)
	s.mu.Unlock()
}

func (s *watchdogShard) drop(i int32) {
	last := len(s.turns) - 1
	s.turns[i] = s.turns[last]
	s.turns[i].c.turnIndex = i
	s.turns[last] = watchedTurn{}
	s.turns = s.turns[:last]
}

// steal ends a turn from outside and reports whether it did. Then the caller must start
// a reader.
func (d *watchdog) steal(c *Conn, turn uint64) bool {
	s := d.shardOf(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.turn.CompareAndSwap(turn, turn+1) {
		return false
	}
	s.drop(c.turnIndex)
	return true
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
		for i := range d.shards {
			s := &d.shards[i]
			s.mu.Lock()
			if len(s.turns) > 0 {
				idle = 0
			}
			late = s.stealLate(late)
			s.mu.Unlock()
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

// stealLate ends the turns that an earlier tick has seen, and appends their connections
// to late. s.mu is held.
func (s *watchdogShard) stealLate(late []*Conn) []*Conn {
	for i := len(s.turns) - 1; i >= 0; i-- {
		t := &s.turns[i]
		if !t.seen {
			t.seen = true
			continue
		}
		if c := t.c; c.turn.CompareAndSwap(t.turn, t.turn+1) {
			s.drop(int32(i))
			late = append(late, c)
		}
	}
	return late
}

func (d *watchdog) busy() bool {
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		n := len(s.turns)
		s.mu.Unlock()
		if n > 0 {
			return true
		}
	}
	return false
}
