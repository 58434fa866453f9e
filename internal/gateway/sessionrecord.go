package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// saveTime is how long the output of a client is held for a change that is not stored.
const saveTime = time.Second

// maxLeft bounds the rooms that a client was in and has left.
const maxLeft = 64

// sessionRecord is the record of a client of this node. Once it may be stored, each change holds the output of the
// connection until it is; a connection of which that fails is cut, and nothing of what is held is sent.
type sessionRecord struct {
	h     *history
	s     *session
	conn  adapter.Recorded
	pid   string // the private id
	key   string // of the record
	owner string
	keep  time.Duration // MaxDisconnection of the server
	left  chan struct{} // closed when the client has left its namespace

	mu        sync.Mutex
	state     recordState
	rooms     map[string]uint64 // since when
	former    []formerRoom      // oldest first
	floor     uint64            // positions before it are not enough to resume
	version   uint64            // changes so far
	saved     uint64            // the version that is stored
	attempted bool              // one may be stored
	hold      *time.Timer       // cuts the connection; nil unless its output is held
	at        uint64            // once it has left: what was delivered by then
	present   []movedEntry      // as it was then
	departed  bool              // from its namespace
	unknown   bool              // it is unknown which version is stored
}

// recordState is how far a record is.
type recordState uint8

const (
	recordNew    recordState = iota // HandleConnection has not accepted the client: nothing is stored
	recordActive                    // the client is connected
	recordAbsent                    // it has left, and may resume
	recordOver                      // it may not, or has another owner
)

// keyOf returns the key of a record: readers of the service cannot resume by it.
func keyOf(pid string) string {
	sum := sha256.Sum256([]byte(pid))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// newOwner returns the owner of a record of a new connection.
func (h *history) newOwner() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.numbers++
	return h.rt.node.ID + "." + strconv.FormatUint(h.numbers, 10)
}

// recordOf returns the record of a session; nil when the client cannot be recovered.
func (h *history) recordOf(s *session) *sessionRecord {
	if h == nil {
		return nil
	}
	conn, ok := s.conn.(adapter.Recorded)
	if !ok || conn.PrivateID() == "" {
		return nil
	}
	if !s.ep.recordable(s.hs, conn.PrivateID()) {
		return nil
	}
	return h.newRecord(s, conn, h.newOwner())
}

func (h *history) newRecord(s *session, conn adapter.Recorded, owner string) *sessionRecord {
	r := &sessionRecord{
		h: h, s: s, conn: conn, pid: conn.PrivateID(), key: keyOf(conn.PrivateID()), owner: owner, keep: h.keepOf(s.ep),
		left: make(chan struct{}), rooms: map[string]uint64{},
	}
	s.suspended.hooksDone = make(chan struct{})
	s.hs.Values().Watch(r.changed)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records[r.key], h.owners[r.owner] = r, r
	return r
}

// recordable reports whether it can be checked that a client which returns is the same.
func (e *endpoint) recordable(h pipeline.Holder, pid string) bool {
	digests, known := pipeline.IdentityDigests(h, pid)
	return known && (len(digests) > 0 || !slices.ContainsFunc(e.admissions, admission.mayIdentify))
}

// keepOf returns for how long an absent client of an endpoint may return.
func (h *history) keepOf(e *endpoint) time.Duration {
	if r, ok := e.srv.adapterServer.(adapter.Recoverer); ok && r.Recovery() != nil {
		return r.Recovery().MaxDisconnection
	}
	return h.log.Retention()
}

// accepted has the record be stored from now on: HandleConnection has returned.
func (r *sessionRecord) accepted() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == recordNew {
		r.state = recordActive
		r.version++
		r.h.saver.add(r)
	}
}

// changedNow records a change; r.mu is held.
func (r *sessionRecord) changedNow() {
	r.version++
	if r.state != recordActive {
		return
	}
	if r.attempted && r.hold == nil {
		r.conn.HoldOutput()
		r.hold = time.AfterFunc(saveTime, r.expire)
	}
	r.h.saver.add(r)
}

// changed records a change of what the client's record has.
func (r *sessionRecord) changed() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changedNow()
}

// touch has the record be stored again, without holding anything for it.
func (r *sessionRecord) touch() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version++
	if r.state == recordActive {
		r.h.saver.add(r)
	}
}

// expire cuts the connection: a change could not be stored in time.
func (r *sessionRecord) expire() {
	r.mu.Lock()
	held := r.hold != nil && r.state == recordActive
	r.mu.Unlock()
	if held {
		r.h.saver.cut(r)
	}
}

// stored records that a version is stored, and releases what is held for it.
func (r *sessionRecord) stored(version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saved = max(r.saved, version)
	if r.saved < r.version && r.state == recordActive {
		r.h.saver.add(r)
		return
	}
	if r.hold != nil && r.state == recordActive {
		r.hold.Stop()
		r.hold = nil
		r.conn.ReleaseOutput()
	}
}

// over reports whether the client cannot be recovered any more.
func (r *sessionRecord) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == recordOver
}

// taken ends the connection, or the absence: the client is at another one.
func (r *sessionRecord) taken() {
	r.mu.Lock()
	was := r.state
	r.state = recordOver
	r.mu.Unlock()
	switch was {
	case recordNew, recordActive:
		r.conn.Abort(websockets.Reason{Cause: websockets.CauseMoved})
	case recordAbsent:
		r.disown()
		if c, ok := r.s.conn.(adapter.Resetter); ok {
			c.Reset() // the platform counts it no more
		}
	}
}

// disown forgets the owner.
func (r *sessionRecord) disown() {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	delete(r.h.owners, r.owner)
}

// formerRoom is a room that a client has left.
type formerRoom struct {
	Room  string `json:"room"`
	Since uint64 `json:"since"`
	Until uint64 `json:"until"`
}

// boundFormer forgets the rooms that were left first, beyond maxLeft. It returns the floor: positions before it are not enough to resume.
func boundFormer(former []formerRoom, floor uint64) ([]formerRoom, uint64) {
	for len(former) > maxLeft {
		floor = max(floor, former[0].Until)
		former = former[1:]
	}
	return former, floor
}

// join is session.Join.
func (r *sessionRecord) join(rooms []string) error {
	joined, err := func() ([]string, error) {
		r.h.gate.RLock()
		defer r.h.gate.RUnlock()
		return r.joinNow(rooms)
	}()
	r.s.ep.hooks.Joined(r.s, r.s.reported(joined))
	return err
}

// reported returns the rooms if observers want them.
func (s *session) reported(rooms []string) []string {
	if !s.ep.hooks.WantsRooms() {
		return nil
	}
	return rooms
}

// joinNow adds the client to rooms, and returns those that are new; gate is held.
func (r *sessionRecord) joinNow(rooms []string) (joined []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.h.delivered.Load() // before it is in the room: events that are on their way may be missed, and are sent when it resumes
	joined, err = r.s.namespace.Join(r.s, r.s.ep.maxRooms, rooms, true)
	for _, room := range joined {
		r.rooms[room] = at
	}
	if len(joined) > 0 {
		r.changedNow()
	}
	return joined, err
}

// leave is session.Leave.
func (r *sessionRecord) leave(rooms []string, withSuspended bool) (left []string) {
	r.h.gate.RLock()
	defer r.h.gate.RUnlock()
	return r.leaveNow(rooms, withSuspended)
}

// leaveNow removes the client from rooms, and returns those that it was in; gate is held.
func (r *sessionRecord) leaveNow(rooms []string, withSuspended bool) (left []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.h.delivered.Load()
	left = r.s.namespace.Leave(r.s, rooms, withSuspended, true)
	for _, room := range left {
		r.former = append(r.former, formerRoom{room, r.rooms[room], at})
		delete(r.rooms, room)
	}
	r.former, r.floor = boundFormer(r.former, r.floor)
	if len(left) > 0 {
		r.changedNow()
	}
	return left
}

// depart removes the client from its namespace, once, and reports whether it may resume: not without keep.
func (r *sessionRecord) depart(keep bool) (kept bool) {
	h, s := r.h, r.s
	var present []movedEntry
	for _, e := range h.rt.roster.Of(s.ID()) {
		present = append(present, movedEntry{e.Name, e.Namespace, e.Room, e.Key, e.Value})
	}
	h.gate.RLock()
	r.mu.Lock()
	if r.departed {
		defer r.mu.Unlock()
		h.gate.RUnlock()
		return r.state == recordAbsent
	}
	r.departed, r.at, r.present = true, h.delivered.Load(), present
	if r.hold != nil { // it is not released
		r.hold.Stop()
	}
	was := r.state
	if kept = keep && was == recordActive; kept {
		r.state = recordAbsent
	} else {
		r.state = recordOver
	}
	r.mu.Unlock()
	removed := s.ep.removeNow(s)
	h.gate.RUnlock()
	s.ep.removed(s, removed)
	close(r.left)
	if was != recordOver && (kept || was != recordNew) {
		h.saver.end(r, kept)
	}
	return kept
}

// exit forgets the record at this node: HandleDisconnect has returned.
func (r *sessionRecord) exit() {
	if r == nil {
		return
	}
	h := r.h
	r.mu.Lock()
	absent := r.state == recordAbsent
	r.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.records[r.key] == r {
		delete(h.records, r.key)
	}
	if !absent {
		delete(h.owners, r.owner)
	}
}

// snapshot returns the record as it is to be stored, and its version.
func (r *sessionRecord) snapshot() (_ backplane.Record, version uint64) {
	h, s := r.h, r.s
	b := recordBody{ID: s.ID(), Endpoint: s.ep.key[0], Namespace: s.hs.Namespace}
	h.gate.RLock()
	r.mu.Lock()
	version, b.At, b.Floor, b.Present = r.version, h.delivered.Load(), r.floor, r.present
	if r.state == recordAbsent {
		b.At = r.at
	}
	b.Rooms = make(map[string]uint64, len(r.rooms))
	b.Void = h.void.Load()
	for room, since := range r.rooms {
		b.Rooms[room] = since
		b.Void = b.Void || !utf8.ValidString(room) // JSON would change it
	}
	b.Former = slices.Clone(r.former)
	absent := r.state == recordAbsent
	r.attempted = true
	r.mu.Unlock()
	h.gate.RUnlock()
	b.Identities, _ = pipeline.IdentityDigests(s, r.pid)
	b.Shared = s.shared()
	if !absent {
		for _, e := range h.rt.roster.Of(s.ID()) {
			b.Present = append(b.Present, movedEntry{e.Name, e.Namespace, e.Room, e.Key, e.Value})
		}
	}
	return backplane.Record{Key: r.key, Owner: r.owner, Value: encodeMove(b)}, version
}

// recordBody is what is stored of a client.
type recordBody struct {
	ID         string                  `json:"id"`
	Endpoint   uint32                  `json:"endpoint"`
	Namespace  string                  `json:"namespace,omitempty"`
	Identities []string                `json:"identities,omitempty"`
	At         uint64                  `json:"at"` // what the client's node had delivered
	Floor      uint64                  `json:"floor,omitempty"`
	Rooms      map[string]uint64       `json:"rooms,omitempty"` // since which position
	Former     []formerRoom            `json:"former,omitempty"`
	Void       bool                    `json:"void,omitempty"` // it cannot be resumed from
	Shared     websockets.SharedValues `json:"shared,omitempty"`
	Present    []movedEntry            `json:"present,omitempty"`
}
