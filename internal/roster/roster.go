// Package roster has the presence of clients in rooms, on all nodes: the entries of this node's clients,
// and a replica of those of every other node.
//
// Each node owns its entries and numbers the deltas in which it sends their changes. A node that misses
// one asks for the whole state, which replaces what it has. What a node has sent is forgotten when
// the node is no member any more, so nothing has to be merged.
package roster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
)

// Errors of Put.
var (
	ErrFull    = errors.New("too many entries")
	ErrStopped = errors.New("the application has stopped")
	ErrJSON    = errors.New("the value has no valid JSON form")
	ErrSize    = errors.New("too long")
	ErrText    = errors.New("the key, room or name is not UTF-8")
)

// ErrNotInRoom is an error of [Member].Track.
var ErrNotInRoom = errors.New("the client is not in the room")

// Member is a client, for package presence.
type Member interface {
	Track(d Decl, room, key string, v any) error
	Untrack(name, room, key string)
}

// View is what a gateway sees, for package presence.
type View interface {
	List(s Scope) []Keyed
	Get(s Scope, key string) []*Entry
	// Undecodable reports that an entry has no value of the type that is asked for.
	Undecodable(e *Entry, err error)
}

// Exchange is implemented by the exchange of a handler of changes.
type Exchange interface {
	PresenceChange() (c Change, undecodable func(*Entry, error))
}

// PerClient is how many entries a client has at most.
const PerClient = 1000

// Scope is a room of one presence. Namespace is "" unless the endpoint's namespace is a pattern.
type Scope struct{ Name, Namespace, Room string }

// Decl is what the application has declared about a presence. The limits are those of this node's Put.
type Decl struct {
	Name    string
	PerRoom int // entries of a room
	Entries int // entries of all rooms
	Bytes   int // of a value
}

// Entry is one client under one key. It is not changed.
type Entry struct {
	Scope

	Key, Client, Node string
	Endpoint          uint32
	Value             []byte // JSON

	// Decoded caches the value that Value is decoded to.
	Decoded atomic.Pointer[any]
}

// id identifies an entry of a node.
type id struct {
	Scope

	key, client string
}

func (e *Entry) id() id { return id{e.Scope, e.Key, e.Client} }

const (
	// entryMemory is the memory of an entry beside its texts, about.
	entryMemory = 800
	// wireMemory is the bytes of one in a message beside them, about.
	wireMemory = 100
)

// size is the memory of an entry, about.
func (e *Entry) size() int { return entryMemory + e.texts() }

func (e *Entry) texts() int {
	return len(e.Name) + len(e.Namespace) + len(e.Room) + len(e.Key) + len(e.Client) + len(e.Value)
}

// place is one room.
type place struct {
	keys    map[string][]*Entry // a new slice for each change
	entries int
}

// Link is a node's connection with the others. Its methods do not wait, and do not call the Table.
type Link interface {
	Send(m *backplane.Message) error
	Others() []backplane.Node
	// Queued returns how many bytes wait to be sent.
	Queued() int
}

// Config describes a table.
type Config struct {
	Node string        // the id of this one
	Link Link          // nil without other nodes
	Beat time.Duration // how often the number of the last delta is repeated
	// MaxBytes is the size of the largest message that the link takes; 0 without a limit.
	MaxBytes int
	Log      *slog.Logger
}

// Table is the entries of all nodes. Its methods are safe for concurrent use.
type Table struct {
	cfg        Config
	perMessage int         // bytes of a message, about
	used       atomic.Bool // there has been an entry of this node

	mu       sync.RWMutex
	places   map[Scope]*place
	byName   map[string]int // entries
	entries  int
	bytes    int
	own      replica
	byClient map[string]map[id]struct{} // of own
	others   map[string]*replica
	asks     uint64 // for states
	arrived  memory // of states that are awaited
	// heldBytes is the memory of the deltas that wait for a state, about.
	heldBytes int
	leftOut   int // entries of other nodes, since they were logged
	out       outgoing
	watchers  map[string][]*Watcher // by name
	phase     phase

	ctx     context.Context // of watchers
	cancel  context.CancelFunc
	wake    chan struct{}
	stopped chan struct{} // closed by Stop
	running sync.WaitGroup

	largeLog, typeLog logsample.Minute
}

// phase is whether watchers are called.
type phase uint8

const (
	starting phase = iota
	open
	stopped
)

// New returns an empty table. Stop must be called at last.
func New(cfg Config) *Table {
	t := &Table{
		cfg: cfg, places: map[Scope]*place{}, byName: map[string]int{}, own: replica{entries: map[id]*Entry{}},
		byClient: map[string]map[id]struct{}{}, others: map[string]*replica{}, out: outgoing{pending: map[id]struct{}{}},
		watchers: map[string][]*Watcher{}, wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	if t.perMessage = bytesPerMessage; cfg.MaxBytes > 0 {
		t.perMessage = min(t.perMessage, cfg.MaxBytes/2)
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// Used reports whether the table has ever had an entry of this node.
func (t *Table) Used() bool { return t.used.Load() }

// Put adds or replaces the entry of a client of this node.
func (t *Table) Put(d Decl, e *Entry) error {
	e.Node = t.cfg.Node
	w := wireOf(e)
	switch _, err := w.id(); {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrSize, err)
	case len(e.Value) > min(d.Bytes, maxValue):
		return fmt.Errorf("%w: value of %d bytes, and the limit is %d", ErrSize, len(e.Value), min(d.Bytes, maxValue))
	case !utf8.ValidString(e.Name) || !utf8.ValidString(e.Room) || !utf8.ValidString(e.Key):
		return ErrText // JSON would change it
	case !json.Valid(e.Value):
		return ErrJSON
	case !t.fits(e):
		return fmt.Errorf("%w: the backplane takes messages of %d bytes", ErrSize, t.cfg.MaxBytes)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.phase == stopped {
		return ErrStopped
	}
	if t.own.entries[e.id()] == nil {
		if p := t.places[e.Scope]; p != nil && p.entries >= d.PerRoom || t.byName[e.Name] >= d.Entries || len(t.byClient[e.Client]) >= PerClient {
			return ErrFull
		}
	}
	t.used.Store(true)
	t.put(&t.own, e)
	mine := t.byClient[e.Client]
	if mine == nil {
		mine = map[id]struct{}{}
		t.byClient[e.Client] = mine
	}
	mine[e.id()] = struct{}{}
	t.changedOwn(e.id())
	return nil
}

// fits reports whether other nodes can be sent an entry.
func (t *Table) fits(e *Entry) bool {
	const (
		perByte = 6 // of a text in JSON, at most
		around  = 512
	)
	if t.cfg.Link == nil || t.cfg.MaxBytes == 0 || around+perByte*e.texts() <= t.cfg.MaxBytes {
		return true
	}
	alone := message(backplane.PresenceState, t.cfg.Node, state{Number: math.MaxInt64, Asked: math.MaxInt64, Part: maxEntries, Last: true, Entries: []wireEntry{wireOf(e)}})
	return envelope.Size(alone) <= t.cfg.MaxBytes
}

// RemoveEntry removes an entry of a client of this node, unless it was replaced.
func (t *Table) RemoveEntry(e *Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := e.id(); t.own.entries[i] == e {
		t.removeOwn(i)
	}
}

// Remove removes an entry of a client of this node, and reports whether there was one.
func (t *Table) Remove(s Scope, key, client string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.removeOwn(id{s, key, client})
}

func (t *Table) removeOwn(i id) bool {
	if !t.remove(&t.own, i) {
		return false
	}
	mine := t.byClient[i.client]
	if delete(mine, i); len(mine) == 0 {
		delete(t.byClient, i.client)
	}
	t.changedOwn(i)
	return true
}

// Leave removes the entries of a client of this node in some rooms.
func (t *Table) Leave(client, namespace string, rooms []string) {
	t.removeOf(client, func(i id) bool { return i.Namespace == namespace && slices.Contains(rooms, i.Room) })
}

// Gone removes all entries of a client of this node.
func (t *Table) Gone(client string) { t.removeOf(client, func(id) bool { return true }) }

func (t *Table) removeOf(client string, which func(id) bool) {
	if !t.used.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.byClient[client] {
		if which(i) {
			t.removeOwn(i)
		}
	}
}

// changedOwn has a change sent; t.mu is held.
func (t *Table) changedOwn(i id) {
	if t.cfg.Link == nil || t.phase == stopped {
		return
	}
	t.out.pending[i] = struct{}{}
	t.start()
	t.signal()
}

// put adds or replaces an entry of a node; t.mu is held.
func (t *Table) put(r *replica, e *Entry) {
	p := t.places[e.Scope]
	if p == nil {
		p = &place{keys: map[string][]*Entry{}}
		t.places[e.Scope] = p
	}
	k := p.keys[e.Key]
	old := r.entries[e.id()]
	r.entries[e.id()] = e
	t.bytes += e.size()
	if old == nil {
		p.keys[e.Key] = append(slices.Clip(k), e)
		p.entries++
		t.entries++
		t.byName[e.Name]++
	} else {
		k = slices.Clone(k)
		k[slices.Index(k, old)] = e
		p.keys[e.Key] = k
		t.bytes -= old.size()
	}
	t.changed(e)
}

// remove removes an entry of a node, and reports whether there was one; t.mu is held.
func (t *Table) remove(r *replica, i id) bool {
	e := r.entries[i]
	if e == nil {
		return false
	}
	delete(r.entries, i)
	p := t.places[i.Scope]
	k := p.keys[i.key]
	n := slices.Index(k, e)
	if p.keys[i.key] = slices.Concat(k[:n], k[n+1:]); len(k) == 1 {
		delete(p.keys, i.key)
	}
	if p.entries--; p.entries == 0 {
		delete(t.places, i.Scope)
	}
	t.entries--
	t.bytes -= e.size()
	if t.byName[i.Name]--; t.byName[i.Name] == 0 {
		delete(t.byName, i.Name)
	}
	t.changed(e)
	return true
}

// Keyed is the entries under one key.
type Keyed struct {
	Key     string
	Entries []*Entry
}

// List returns the entries of a room at some endpoints, by key.
func (t *Table) List(s Scope, endpoints []uint32) []Keyed {
	all := t.list(s, endpoints)
	sortKeyed(all)
	return all
}

func (t *Table) list(s Scope, endpoints []uint32) (all []Keyed) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	p := t.places[s]
	if p == nil {
		return nil
	}
	all = make([]Keyed, 0, len(p.keys))
	for key, k := range p.keys {
		if found := at(k, endpoints); len(found) > 0 {
			all = append(all, Keyed{key, found})
		}
	}
	return all
}

func sortKeyed(all []Keyed) {
	slices.SortFunc(all, func(a, b Keyed) int { return cmp.Compare(a.Key, b.Key) })
}

// Get returns the entries under a key of a room at some endpoints.
func (t *Table) Get(s Scope, key string, endpoints []uint32) []*Entry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.get(s, key, endpoints)
}

func (t *Table) get(s Scope, key string, endpoints []uint32) []*Entry {
	if p := t.places[s]; p != nil {
		return at(p.keys[key], endpoints)
	}
	return nil
}

// at returns the entries at some endpoints: the slice itself where these are all.
func at(entries []*Entry, endpoints []uint32) []*Entry {
	other := func(e *Entry) bool { return !slices.Contains(endpoints, e.Endpoint) }
	if !slices.ContainsFunc(entries, other) {
		return entries
	}
	return slices.DeleteFunc(slices.Clone(entries), other)
}

// Len returns how many entries the table has, and how much memory they take, about.
func (t *Table) Len() (entries, bytes int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.entries, t.bytes
}

// Undecodable logs an entry whose value is of another type.
func (t *Table) Undecodable(e *Entry, err error) {
	if n := t.typeLog.Count(); n > 0 {
		t.cfg.Log.Error("presence: an entry is left out: its value has another type than this node's", "presence", e.Name, "node", e.Node, "error", err, "entries", n)
	}
}

func (t *Table) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
