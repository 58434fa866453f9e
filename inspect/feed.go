package inspect

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Bounds of the feed.
const (
	ringSize  = 1000                   // entries that are kept
	perSecond = 200                    // entries that a page is sent in a second
	maxPages  = 8                      // pages that are open
	flushPace = 100 * time.Millisecond // how often a page is sent entries
	maxQueued = 512 << 10              // bytes that wait for a page, above which entries are skipped
	maxSeen   = 200                    // events that were sent and are not declared
)

// feed is the log of messages, and the pages that see it. While no page is open it records nothing.
type feed struct {
	// open is how many pages there are. Hooks read it without the lock.
	open  atomic.Int32
	names names

	mu    sync.Mutex
	pages map[string]*page // by the ids of their clients
	next  uint64           // the number of the next entry
	ring  []kept           // up to ringSize; an entry is at its number modulo ringSize
	rates rates
	seen  map[sentEvent]int // by how often
	stop  chan struct{}     // of the goroutine that flushes; nil while no page is open
	done  chan struct{}     // closed when it has returned; nil if there was none
}

// kept is an entry of the ring. The memory of its payload is used again.
type kept struct {
	entry   entry
	payload []byte
}

// page is an open page. The lock of the feed guards it.
type page struct {
	client  websockets.Client
	filter  filter
	watches bool // it shows the log, and is not paused
	round   int  // of the page's latest request
	pending []entry
	skipped int
	second  int64 // of budget
	budget  int
}

// sentEvent is an event at an endpoint.
type sentEvent struct{ endpoint, event string }

func newFeed() *feed { return &feed{pages: map[string]*page{}, seen: map[sentEvent]int{}, next: 1} }

// enter adds a page; it reports false if there are too many.
func (f *feed) enter(c websockets.Client) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pages) >= maxPages {
		return false
	}
	f.pages[c.ID()] = &page{client: c}
	f.open.Store(int32(len(f.pages)))
	if f.stop == nil {
		former := f.done
		f.stop, f.done = make(chan struct{}), make(chan struct{})
		f.rates = rates{}
		go f.run(former, f.stop, f.done)
	}
	return true
}

// leave removes a page. With the last one the goroutine ends.
func (f *feed) leave(c websockets.Client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, in := f.pages[c.ID()]; !in {
		return
	}
	delete(f.pages, c.ID())
	f.open.Store(int32(len(f.pages)))
	if len(f.pages) == 0 {
		close(f.stop)
		f.stop = nil
	}
}

// close ends the goroutine, and waits for it.
func (f *feed) close(ctx context.Context) error {
	f.mu.Lock()
	if f.stop != nil {
		close(f.stop)
		f.stop = nil
	}
	clear(f.pages)
	f.open.Store(0)
	done := f.done
	f.mu.Unlock()
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// active reports whether entries are recorded.
func (f *feed) active() bool { return f.open.Load() > 0 }

// add records an entry. payload is copied.
func (f *feed) add(e entry, payload []byte) {
	now := time.Now()
	e.At = now.UnixMilli()
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Number = f.next
	f.next++
	f.rates.count(now.Unix(), &e)
	if len(f.ring) < ringSize {
		f.ring = append(f.ring, kept{})
	}
	k := &f.ring[int(e.Number-1)%ringSize]
	k.entry, k.payload = e, append(k.payload[:0], payload...)
	for _, p := range f.pages {
		p.offer(&e, payload, now.Unix())
	}
}

// offer adds an entry to what the page is sent next.
func (p *page) offer(e *entry, payload []byte, second int64) {
	if !p.watches || !p.filter.matches(e, payload) {
		return
	}
	if p.second != second {
		p.second, p.budget = second, perSecond
	}
	if p.budget == 0 {
		p.skipped++
		return
	}
	p.budget--
	own := *e
	own.Payload = string(payload)
	p.pending = append(p.pending, own)
}

// undeclared counts an event that is not declared.
func (f *feed) undeclared(at sentEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.seen[at]; known || len(f.seen) < maxSeen {
		f.seen[at]++
	}
}

// watch sets the filter of a page, and returns the latest entries that match.
func (f *feed) watch(id string, by filter, w watching) messages {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := messages{Entries: []entry{}, Round: w.Round}
	p := f.pages[id]
	if p == nil {
		return m
	}
	p.filter, p.watches, p.round, p.pending, p.skipped = by, w.On, w.Round, nil, 0
	if w.On {
		m.Entries = f.latest(by, perSecond)
	}
	return m
}

// find returns the latest entries that match, at most n, the oldest first.
func (f *feed) find(by filter, n int) []entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest(by, n)
}

// latest is find; f.mu is held.
func (f *feed) latest(by filter, n int) []entry {
	found := make([]entry, 0, min(n, len(f.ring)))
	for number := f.next - 1; number > 0 && f.next-number <= uint64(len(f.ring)) && len(found) < n; number-- {
		k := &f.ring[int(number-1)%ringSize]
		if by.matches(&k.entry, k.payload) {
			e := k.entry
			e.Payload = string(k.payload)
			found = append(found, e)
		}
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return found
}

// messages is what a page is sent.
type messages struct {
	Entries []entry `json:"entries"`
	// Skipped is how many entries of its filter the page was not sent since the last time.
	Skipped int `json:"skipped"`
	// Round is that of the request.
	Round int `json:"round"`
}

var eventMessages = websockets.NewEvent[messages]("messages")

// run sends pages what they wait for, until stop is closed. former is done of the goroutine before; nil if there was none.
func (f *feed) run(former, stop <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	if former != nil {
		<-former
	}
	tick := time.NewTicker(flushPace)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			f.flush()
		}
	}
}

// flush sends what is pending. Clients are asked and sent to without the lock.
func (f *feed) flush() {
	for _, b := range f.due() {
		if observe.QueuedBytes(b.client) > maxQueued { // it reads too slowly
			f.skip(b.client, len(b.messages.Entries)+b.messages.Skipped)
			continue
		}
		_ = eventMessages.Emit(b.client.Context(), b.client, b.messages) // of a page that has left
	}
}

// batch is what a page is sent at once.
type batch struct {
	client   websockets.Client
	messages messages
}

// due returns what is pending.
func (f *feed) due() (all []batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pages {
		if len(p.pending) == 0 && p.skipped == 0 {
			continue
		}
		m := messages{[]entry{}, p.skipped, p.round}
		if p.pending != nil {
			m.Entries = p.pending
		}
		all = append(all, batch{p.client, m})
		p.pending, p.skipped = nil, 0
	}
	return all
}

// skip counts entries that a page was not sent.
func (f *feed) skip(c websockets.Client, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.pages[c.ID()]; p != nil {
		p.skipped += n
	}
}
