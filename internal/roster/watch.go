package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

// perChange is how many keys one Change has at most.
const perChange = 1000

// Change is what has changed in a room since the last Change of it.
type Change struct {
	Scope

	Joined, Changed, Left []Keyed
}

func (c *Change) keys() int { return len(c.Joined) + len(c.Changed) + len(c.Left) }

// Watcher is called about the changes of the rooms of one presence at some endpoints, one at a time.
type Watcher struct {
	Name      string
	Endpoints []uint32
	// Linger is how long a key has to be gone before it has left.
	Linger time.Duration
	// Wait limits a call.
	Wait time.Duration
	Call func(ctx context.Context, c Change) error
	// What names the watcher in errors.
	What string

	t *Table

	// Guarded by Table.mu.
	reported map[Scope]map[string]*reported
	dirty    keys        // to look at
	gone     keys        // that have left soon
	again    *time.Timer // when gone is dirty; nil without
	running  bool
}

// keys are keys of rooms.
type keys map[Scope]map[string]struct{}

func (k keys) remove(s Scope, key string) {
	if delete(k[s], key); len(k[s]) == 0 {
		delete(k, s)
	}
}

func (k keys) add(s Scope, key string) {
	if k[s] == nil {
		k[s] = map[string]struct{}{}
	}
	k[s][key] = struct{}{}
}

// reported is a key as the watcher was called about it.
type reported struct {
	entries []*Entry
	gone    time.Time // since when it is not there; zero while it is
}

// Watch adds a watcher, before Open.
func (t *Table) Watch(w *Watcher) {
	w.t, w.reported, w.dirty = t, map[Scope]map[string]*reported{}, keys{}
	w.gone = keys{}
	t.watchers[w.Name] = append(t.watchers[w.Name], w)
}

// Open has the watchers called from now on.
func (t *Table) Open() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.phase != starting {
		return
	}
	t.phase = open
	for _, all := range t.watchers {
		for _, w := range all {
			w.start()
		}
	}
}

// changed has watchers look at the room of an entry; t.mu is held. A key that is gone, and that a watcher was not
// called about, is forgotten: one that is slow, or stuck, does not collect all that has ever been there.
func (t *Table) changed(e *Entry) {
	there := false
	if p := t.places[e.Scope]; p != nil {
		there = len(p.keys[e.Key]) > 0
	}
	for _, w := range t.watchers[e.Name] {
		switch {
		case !slices.Contains(w.Endpoints, e.Endpoint):
		case !there && w.reported[e.Scope][e.Key] == nil:
			w.dirty.remove(e.Scope, e.Key)
		default:
			w.dirty.add(e.Scope, e.Key)
			w.start()
		}
	}
}

// start starts the goroutine of a watcher that has something to do; Table.mu is held.
func (w *Watcher) start() {
	if w.t.phase == open && !w.running && len(w.dirty) > 0 {
		w.running = true
		w.t.running.Go(w.run)
	}
}

// run calls the watcher until nothing has changed any more.
func (w *Watcher) run() {
	done := false
	defer func() {
		if !done { // the function has ended the goroutine
			w.t.running.Go(w.run)
		}
	}()
	for {
		c, ok := w.next(time.Now())
		if !ok {
			done = true
			return
		}
		if c.keys() > 0 {
			w.call(c)
		}
	}
}

// next returns the changes of a room; false when there are none, and the goroutine ends.
func (w *Watcher) next(now time.Time) (c Change, ok bool) {
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	if len(w.dirty) == 0 || w.t.phase == stopped {
		w.running = false
		return c, false
	}
	for c.Scope = range w.dirty {
		break
	}
	was := w.reported[c.Scope]
	if was == nil {
		was = map[string]*reported{}
		w.reported[c.Scope] = was
	}
	for key := range w.dirty[c.Scope] {
		if c.keys() == perChange {
			break
		}
		delete(w.dirty[c.Scope], key)
		w.look(&c, key, was, now)
	}
	if len(w.dirty[c.Scope]) == 0 {
		delete(w.dirty, c.Scope)
	}
	if len(was) == 0 {
		delete(w.reported, c.Scope)
	}
	for _, all := range [...][]Keyed{c.Joined, c.Changed, c.Left} {
		sortKeyed(all)
	}
	return c, true
}

// look adds what has changed about a key; Table.mu is held.
func (w *Watcher) look(c *Change, key string, was map[string]*reported, now time.Time) {
	entries, r := w.t.get(c.Scope, key, w.Endpoints), was[key]
	switch {
	case len(entries) == 0 && r == nil:
	case len(entries) == 0:
		if r.gone.IsZero() {
			r.gone = now
		}
		if left := w.Linger - now.Sub(r.gone); left > 0 {
			w.later(c.Scope, key, left)
			return
		}
		delete(was, key)
		c.Left = append(c.Left, Keyed{key, r.entries})
	case r == nil:
		was[key] = &reported{entries: entries}
		c.Joined = append(c.Joined, Keyed{key, entries})
	case !slices.Equal(r.entries, entries):
		*r = reported{entries: entries}
		c.Changed = append(c.Changed, Keyed{key, entries})
	}
}

// lingerSteps is how often keys that are gone are looked at while they linger.
const lingerSteps = 8

// later has a key that is gone looked at again; Table.mu is held.
func (w *Watcher) later(s Scope, key string, after time.Duration) {
	w.gone.add(s, key)
	if w.again != nil {
		return
	}
	// Keys that are gone later are due later, but are not looked at in their order.
	w.again = time.AfterFunc(min(after, max(w.Linger/lingerSteps, time.Millisecond)), func() {
		w.t.mu.Lock()
		defer w.t.mu.Unlock()
		w.again = nil
		for s, all := range w.gone {
			for key := range all {
				w.dirty.add(s, key)
			}
		}
		clear(w.gone)
		w.start()
	})
}

// call calls the function, and logs its error or panic.
func (w *Watcher) call(c Change) {
	ctx, cancel := context.WithTimeout(w.t.ctx, w.Wait)
	defer cancel()
	log := w.t.cfg.Log.With("presence", w.Name, "handler", w.What, "room", c.Room)
	err := recovered.ErrExited
	defer func() {
		if v := recover(); v != nil {
			log.Error("panic in a handler of presence", recovered.New(v).Attrs()...)
		} else if err != nil {
			log.Error("handler of presence failed", "error", err)
		}
	}()
	err = w.Call(ctx, c)
}

// Stop ends everything, and waits for watchers that run until ctx ends, and await.Late longer. The
// error names those that are stuck.
func (t *Table) Stop(ctx context.Context) error {
	t.mu.Lock()
	if t.phase != stopped {
		t.phase = stopped
		close(t.stopped)
		for _, all := range t.watchers {
			for _, w := range all {
				if w.again != nil {
					w.again.Stop()
				}
			}
		}
	}
	t.mu.Unlock()
	defer t.cancel()
	done := make(chan struct{})
	go func() { t.running.Wait(); close(done) }()
	if await.Done(ctx, done, t.cancel) {
		return nil
	}
	return fmt.Errorf("presence: stop: %s %w", strings.Join(t.stuck(), ", "), await.ErrStuck)
}

// stuck returns the watchers that run.
func (t *Table) stuck() (names []string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, all := range t.watchers {
		for _, w := range all {
			if w.running {
				names = append(names, w.What)
			}
		}
	}
	slices.Sort(names)
	return names
}
