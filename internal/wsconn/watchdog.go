package wsconn

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// What a client asked for is handled on the goroutine that reads from it, and the
// answers go out in one write: no other goroutine has to be woken for them. When
// that takes long, for whatever reason, the minder has another goroutine read on,
// and the old one ends when it comes back.

// slowFor is for how many messages a client whose handlers took long is handled by
// others than the reader.
const slowFor = 64

var errTakenOver = errors.New("websocket: another goroutine reads on")

// work does what a message brought. It is false when another goroutine has taken
// over the reading.
func (c *Conn) work(job Job) (mine bool) {
	if c.slow > 0 {
		c.slow--
		job.Begin()
		return true
	}
	if !c.grown {
		c.grown = true
		grow()
	}
	m := &c.cfg.Group.minder
	q := c.out.Load()
	if q != nil {
		q.Cork()
	}
	shift := m.add(c)
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			c.Fail(v)
			mine = c.endShift(shift)
			return
		}
		c.takeOver(shift) // runtime.Goexit: nobody would read on
	}()
	job.Work()
	if q != nil {
		q.Uncork(true)
	}
	returned = true
	return c.endShift(shift)
}

// grow makes the goroutine's stack as large as most handlers need. Deep down in a
// decoder, where it would grow otherwise, that takes several µs: every frame has to be
// looked at.
//
//go:noinline
func grow() {
	var room [4 << 10]byte
	use(&room)
}

//go:noinline
func use(*[4 << 10]byte) {}

// endShift is false when another goroutine has taken over.
func (c *Conn) endShift(shift uint64) bool {
	if !c.shift.CompareAndSwap(shift, shift+1) {
		return false
	}
	c.cfg.Group.minder.remove(c)
	return true
}

// Yield has another goroutine read on at once where this connection's reading
// goroutine works: somebody waits for what the client sends next.
func (c *Conn) Yield() {
	if shift := c.shift.Load(); shift&1 == 1 {
		c.takeOver(shift)
	}
}

// takeOver has another goroutine read on, unless the shift has ended.
func (c *Conn) takeOver(shift uint64) {
	if c.cfg.Group.minder.relieve(c, shift) {
		c.readOn()
	}
}

func (c *Conn) readOn() {
	if q := c.out.Load(); q != nil {
		q.Uncork(false)
	}
	c.mu.Lock()
	h, done := c.handler, c.done
	c.mu.Unlock()
	c.slow = slowFor
	go c.serve(h, done)
}

// minder watches the goroutines that read and work. It runs only while there are any.
type minder struct {
	awake  atomic.Bool
	shards [32]minderShard
}

type minderShard struct {
	mu sync.Mutex
	at []worker
	_  [32]byte // a cache line of its own
}

type worker struct {
	c     *Conn
	shift uint64
	seen  bool // by the minder, at an earlier tick
}

const (
	minderTick = time.Millisecond
	minderRest = 100 // ticks without anything to watch, before it ends
)

func (m *minder) shardOf(c *Conn) *minderShard { return &m.shards[c.shard%uint32(len(m.shards))] }

// add begins a shift: its number, odd while it lasts.
func (m *minder) add(c *Conn) (shift uint64) {
	s := m.shardOf(c)
	s.mu.Lock()
	shift = c.shift.Add(1) // with the lock: relieve looks for the connection here
	c.place = len(s.at)
	s.at = append(s.at, worker{c: c, shift: shift})
	s.mu.Unlock()
	if !m.awake.Load() && m.awake.CompareAndSwap(false, true) {
		if g := c.cfg.Group; g.EnterLate() {
			go m.mind(g)
		}
	}
	return shift
}

// remove forgets a connection that has ended its shift.
func (m *minder) remove(c *Conn) {
	s := m.shardOf(c)
	s.mu.Lock()
	s.drop(c.place)
	s.mu.Unlock()
}

func (s *minderShard) drop(i int) {
	last := len(s.at) - 1
	s.at[i] = s.at[last]
	s.at[i].c.place = i
	s.at[last] = worker{}
	s.at = s.at[:last]
}

// relieve ends the shift of a connection from outside. Whoever does must read on.
func (m *minder) relieve(c *Conn, shift uint64) bool {
	s := m.shardOf(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.shift.CompareAndSwap(shift, shift+1) {
		return false
	}
	s.drop(c.place)
	return true
}

func (m *minder) mind(g *Group) {
	defer g.Exit()
	t := time.NewTicker(minderTick)
	defer t.Stop()
	var late []*Conn
	for rest := 0; rest < minderRest; {
		<-t.C
		rest++
		for i := range m.shards {
			s := &m.shards[i]
			s.mu.Lock()
			if len(s.at) > 0 {
				rest = 0
			}
			late = s.look(late)
			s.mu.Unlock()
		}
		for _, c := range late {
			c.readOn()
		}
		clear(late)
		late = late[:0]
		if rest == minderRest || rest > 0 && g.closing.Err() != nil {
			m.awake.Store(false)
			if !m.busy() || !m.awake.CompareAndSwap(false, true) {
				return
			}
			rest = 0
		}
	}
}

// look relieves who was there at the last look too.
func (s *minderShard) look(late []*Conn) []*Conn {
	for i := len(s.at) - 1; i >= 0; i-- {
		w := &s.at[i]
		if !w.seen {
			w.seen = true
			continue
		}
		if c := w.c; c.shift.CompareAndSwap(w.shift, w.shift+1) {
			s.drop(i)
			late = append(late, c)
		}
	}
	return late
}

func (m *minder) busy() bool {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n := len(s.at)
		s.mu.Unlock()
		if n > 0 {
			return true
		}
	}
	return false
}
