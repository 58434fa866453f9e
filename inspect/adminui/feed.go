package adminui

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	tickTime   = 250 * time.Millisecond
	statsTicks = 8                             // between two statistics: 2 s, as those of npm's package
	watchTime  = 3 * statsTicks * tickTime     // for how long a node is watched after another one has asked for it
	maxQueue   = 1024                          // changes that wait to be sent, and as many messages
	maxAsked   = 64                            // pages of other nodes that wait for the sockets of this one
	maxSockets = 5000                          // of all nodes that a page is sent, and
	maxList    = 4 << 20                       // their bytes; the send queue of a client has 8 MiB
	maxChanges = 1000                          // changes that each node sends in a second
	staleTicks = 5 * statsTicks                // between two complete lists after changes that did not fit into the queue
	feedRoom   = "live"                        // of pages that have been sent the list of sockets
	allowance  = int64(time.Second / tickTime) // EventsPerSecond is divided by it
)

// feed sends what happens on this node to the pages of all nodes, from one goroutine, which sleeps while no page is open.
type feed struct {
	admin   *Admin
	server  *websockets.Server
	log     *slog.Logger
	started time.Time

	// watched is whether a page is open on any node.
	watched atomic.Bool
	// budget is how many messages may be queued until the next tick, changes how many changes.
	budget, changes atomic.Int64

	mu     sync.Mutex
	until  time.Time                    // when watching for other nodes ends
	pages  map[string]websockets.Client // of this node, by id
	queue  []item
	opened []websockets.Client // pages of this node that have not been sent the list of sockets
	asked  []string            // pages of other nodes that have not been sent those of this one
	stale  bool                // changes were lost

	wake chan struct{} // holds a value while there is something to do
	stop chan struct{}
	done chan struct{}

	// Of the goroutine.
	ticks, fresh int
}

// item is an event for pages, with its arguments.
type item struct {
	event string
	args  []byte
}

func newFeed(a *Admin) *feed {
	return &feed{admin: a, pages: map[string]websockets.Client{}, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), started: time.Now()}
}

// start and close are hooks of fx.
func (f *feed) start(context.Context) error {
	go f.run()
	return nil
}

func (f *feed) close(ctx context.Context) error {
	close(f.stop)
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run waits for what is to be sent. There is a ticker only while a page is open.
func (f *feed) run() {
	defer close(f.done)
	var ticker *time.Ticker
	var ticks <-chan time.Time
	defer func() {
		if ticker != nil {
			ticker.Stop()
		}
	}()
	for {
		ticked := false
		select {
		case <-f.stop:
			return
		case <-f.wake:
		case <-ticks:
			ticked = true
		}
		switch watched := f.update(time.Now()); {
		case watched && ticker == nil:
			ticker = time.NewTicker(tickTime)
			ticks, f.ticks, f.fresh = ticker.C, 0, staleTicks
			f.admin.counts.take(time.Now()) // of the time before
			ticked = true
		case !watched && ticker != nil:
			ticker.Stop()
			ticker, ticks = nil, nil
		}
		f.flush()
		if ticked && ticker != nil {
			f.tick()
		}
	}
}

// update sets watched, and drops what waits when no page is open any more.
func (f *feed) update(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	watched := len(f.pages) > 0 || now.Before(f.until)
	f.watched.Store(watched)
	if !watched {
		f.queue, f.opened, f.asked, f.stale = nil, nil, nil, false
	}
	return watched
}

// tick is called every tickTime while a page is open.
func (f *feed) tick() {
	nodes := int64(max(1, len(f.server.Nodes())))
	f.renew(nodes)
	if f.fresh++; f.fresh >= staleTicks && f.takeStale() {
		f.fresh = 0
		f.refresh()
	}
	if f.ticks%statsTicks == 0 {
		f.stats()
	}
	f.ticks++
}

// renew sets what may be queued until the next tick. Without as much as one message for each node and tick, nodes send one.
func (f *feed) renew(nodes int64) {
	f.budget.Store(max(1, int64(f.admin.opts.EventsPerSecond)/allowance/nodes))
	f.changes.Store(maxChanges / allowance)
}

// watch is called under the lock when a page is open.
func (f *feed) watch() {
	if !f.watched.Load() {
		f.renew(1)
		f.watched.Store(true)
	}
	f.signal()
}

func (f *feed) takeStale() (stale bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stale, f.stale = f.stale, false
	return stale
}

// state queues a change, which a page must see: when there are too many, pages are sent the list of sockets again.
func (f *feed) state(event string, args func() []byte) {
	var change item
	if f.changes.Add(-1) >= 0 {
		change = item{event, args()}
	}
	f.mu.Lock()
	if change.args != nil && len(f.queue) < 2*maxQueue {
		f.queue = append(f.queue, change)
	} else {
		f.stale = true
	}
	f.mu.Unlock()
	f.signal()
}

// message queues a message of a client, which a page may miss.
func (f *feed) message(event string, c websockets.Client, name string, p websockets.Payload) {
	if f.budget.Add(-1) < 0 {
		return
	}
	args := eventArgs(nspOf(c), c.ID(), name, p, time.Now())
	f.mu.Lock()
	if len(f.queue) < maxQueue {
		f.queue = append(f.queue, item{event, args})
	}
	f.mu.Unlock()
	f.signal()
}

// flush sends what waits.
func (f *feed) flush() {
	f.mu.Lock()
	queue, opened, asked := f.queue, f.opened, f.asked
	f.queue, f.opened, f.asked = nil, nil, nil
	f.mu.Unlock()
	live := f.server.To(feedRoom)
	for _, i := range queue {
		f.report(live.Emit(context.Background(), i.event, websockets.Payload{JSON: i.args, Spread: true}))
	}
	for _, c := range opened {
		f.open(c)
	}
	for _, id := range asked {
		f.answer(id)
	}
}

// open sends the sockets of this node to a page of it, asks the other nodes for theirs, and has it receive what follows.
func (f *feed) open(c websockets.Client) {
	ctx := context.Background()
	if f.admin.opts.Mode == Development {
		all := []byte{'['}
		for _, socket := range f.sockets() {
			if len(all) > 1 {
				all = append(all, ',')
			}
			all = append(all, socket...)
		}
		if err := c.Emit(ctx, "all_sockets", websockets.Payload{JSON: append(all, ']')}); err != nil {
			return // it has left
		}
	}
	if err := c.Join(feedRoom); err != nil {
		return
	}
	f.report(ask.Emit(ctx, f.server, askMessage{Page: c.ID()}))
	f.stats()
}

// sockets yields the clients of this node as JSON: as many as its part of what a page is sent.
func (f *feed) sockets() iter.Seq2[entry, []byte] {
	return func(yield func(entry, []byte) bool) {
		nodes := max(1, len(f.server.Nodes()))
		room := maxList / nodes
		for _, e := range f.admin.clients.all(maxSockets / nodes) {
			socket, err := json.Marshal(serialize(e))
			if room -= len(socket); err != nil || room < 0 || !yield(e, socket) {
				return
			}
		}
	}
}

// answer sends the sockets of this node to a page of another one.
func (f *feed) answer(page string) {
	if f.admin.opts.Mode == Development {
		to := f.server.ToID(page)
		for e, socket := range f.sockets() {
			args := list(json.RawMessage(socket), stamp(e.client.ConnectedAt()))
			f.report(to.Emit(context.Background(), "socket_connected", websockets.Payload{JSON: args, Spread: true}))
		}
	}
	f.stats()
}

// refresh has all pages be sent the list of sockets again: those of this node at once, those of others by them.
func (f *feed) refresh() {
	f.ask(askMessage{Stale: true})
	f.report(ask.Emit(context.Background(), f.server, askMessage{Stale: true}))
}

// serverStats is the payload of server_stats.
type serverStats struct {
	ServerID            string           `json:"serverId"`
	Hostname            string           `json:"hostname"`
	PID                 int              `json:"pid"`
	Uptime              float64          `json:"uptime"` // in seconds
	ClientsCount        int              `json:"clientsCount"`
	PollingClientsCount int              `json:"pollingClientsCount"`
	AggregatedEvents    []aggregated     `json:"aggregatedEvents"`
	Namespaces          []namespaceStats `json:"namespaces"`
}

// stats sends the statistics of this node, and has the other nodes send theirs while this one has pages.
func (f *feed) stats() {
	ctx, now := context.Background(), time.Now()
	host, _ := os.Hostname() // empty on the page without one
	id := cmp.Or(f.admin.opts.ServerID, host+"#"+strconv.Itoa(os.Getpid()))
	c := f.admin.clients.census()
	f.report(f.server.To(feedRoom).Emit(ctx, "server_stats", serverStats{
		ServerID: id, Hostname: host, PID: os.Getpid(), Uptime: now.Sub(f.started).Seconds(),
		ClientsCount: c.conns, PollingClientsCount: c.polling, AggregatedEvents: f.admin.counts.take(now), Namespaces: c.namespaces,
	}))
	f.mu.Lock()
	pages := len(f.pages)
	f.mu.Unlock()
	if pages > 0 {
		f.report(ask.Emit(ctx, f.server, askMessage{}))
	}
}

// report logs an error of sending to pages or nodes. Those of a backplane that is full are logged by it.
func (f *feed) report(err error) {
	if err != nil {
		f.log.Debug("adminui: not sent", "err", err)
	}
}
