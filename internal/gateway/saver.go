package gateway

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	// maxSaved is how many records one call stores at most.
	maxSaved = 256
	// maxEnded bounds the records of clients that have left which wait for a call.
	maxEnded = 65_536
	// saveRetry is the pause after a call that has failed.
	saveRetry = 50 * time.Millisecond
	// saverFlush bounds how long a stop stores records.
	saverFlush = time.Second
)

// saver stores the records of this node's clients, on one goroutine.
type saver struct {
	h       *history
	wake    chan struct{} // capacity 1
	stopped chan struct{} // closed when run has returned
	ctx     context.Context
	cancel  context.CancelFunc

	mu      sync.Mutex
	unsaved map[*sessionRecord]struct{}
	ended   []endedRecord
	refresh time.Time // when the records are to be kept for longer; zero for at once
	phase   saverPhase

	cutLog logsample.Minute
}

// endedRecord is the record of a client that has left. It is dropped, unless the client may resume.
type endedRecord struct {
	r    *sessionRecord
	keep bool
}

type saverPhase uint8

const (
	saverNew saverPhase = iota
	saverRuns
	saverEnds
)

func (s *saver) init(h *history) {
	s.h, s.wake, s.stopped, s.unsaved = h, make(chan struct{}, 1), make(chan struct{}), map[*sessionRecord]struct{}{}
	s.ctx, s.cancel = context.WithCancel(context.Background())
}

func (s *saver) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// start starts run, once; s.mu is held.
func (s *saver) start() {
	if s.phase == saverNew {
		s.phase = saverRuns
		go s.run()
	}
	s.signal()
}

// add has a record be stored soon.
func (s *saver) add(r *sessionRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved[r] = struct{}{}
	s.start()
}

// end has the record of a client that has left be kept for so long as it may resume, or be dropped.
func (s *saver) end(r *sessionRecord, keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unsaved, r)
	if len(s.ended) >= maxEnded { // the service cannot be reached: it expires there
		s.ended = s.ended[1:]
	}
	s.ended = append(s.ended, endedRecord{r, keep})
	s.start()
}

// saveAll stores all records again: the service may have lost them, or have older ones.
func (s *saver) saveAll() {
	for _, r := range s.h.all() {
		r.mu.Lock()
		if r.attempted {
			r.changedNow()
		}
		r.mu.Unlock()
	}
}

// all returns the records of this node's clients.
func (h *history) all() []*sessionRecord {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*sessionRecord, 0, len(h.records))
	for r := range maps.Values(h.records) {
		all = append(all, r)
	}
	return all
}

// refreshNow has all records be kept for longer now: this node finds those that have another owner.
func (s *saver) refreshNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh = time.Time{}
	if s.phase == saverRuns {
		s.signal()
	}
}

// cut cuts the connection of a client whose record could not be stored.
func (s *saver) cut(r *sessionRecord) {
	r.mu.Lock()
	r.unknown = true
	active := r.state == recordActive
	r.mu.Unlock()
	if !active {
		return
	}
	r.conn.Abort(websockets.Reason{Cause: websockets.CauseTransportClose, Text: "a change of the client could not be stored"})
	if n := s.cutLog.Count(); n > 0 {
		s.h.rt.log.Warn("clients are cut, and reconnect: the log has not stored their rooms or shared values in time", "clients", n)
	}
}

func (s *saver) run() {
	defer close(s.stopped)
	for {
		ok := s.round(s.ctx)
		s.mu.Lock()
		idle := len(s.unsaved)+len(s.ended) == 0
		ends := s.phase == saverEnds
		next := time.Until(s.refresh)
		s.mu.Unlock()
		switch {
		case ends && (idle || s.ctx.Err() != nil):
			return
		case !ok:
			next = saveRetry
		case !idle:
			continue
		}
		timer := time.NewTimer(max(next, 0))
		if ok {
			select {
			case <-s.wake:
			case <-timer.C:
			case <-s.ctx.Done():
			}
		} else { // not before the pause is over
			select {
			case <-timer.C:
			case <-s.ctx.Done():
			}
		}
		timer.Stop()
	}
}

// round makes a call of each kind that is due, and reports whether all have succeeded.
func (s *saver) round(ctx context.Context) bool {
	ok := s.save(ctx)
	ok = s.finish(ctx) && ok
	s.mu.Lock()
	due := !time.Now().Before(s.refresh) && s.phase != saverEnds
	s.mu.Unlock()
	if ok && due {
		ok = s.keepAll(ctx)
	}
	return ok
}

// may reports whether records may be stored: not while the service cannot be reached, nor while events that were delivered here without
// the log may still come to it, since a change that follows from them would be undone when the log is read.
func (s *saver) may() bool {
	h := s.h
	return h.opened.Load() && !h.void.Load() && h.rt.cluster != nil && h.rt.cluster.Health().Up
}

// save stores some records. One of which it is unknown whether it is stored is not stored again, since the older one may come to
// the service after it: its connection is cut.
func (s *saver) save(ctx context.Context) bool {
	s.mu.Lock()
	idle := len(s.unsaved) == 0
	s.mu.Unlock()
	if idle || !s.may() {
		return idle
	}
	s.mu.Lock()
	var some []*sessionRecord
	var keep time.Duration
	for r := range s.unsaved {
		if len(some) == 0 {
			keep = r.keep
		}
		if r.keep == keep && len(some) < maxSaved {
			some = append(some, r)
			delete(s.unsaved, r)
		}
	}
	s.mu.Unlock()
	if len(some) == 0 {
		return true
	}
	taken, err := s.store(ctx, some, keepConnected(keep))
	if err != nil {
		for _, r := range some {
			s.cut(r)
		}
		return false
	}
	for _, i := range taken {
		some[i].taken()
	}
	return true
}

// store stores records, and returns the indexes of those that have another owner.
func (s *saver) store(ctx context.Context, some []*sessionRecord, keep time.Duration) (taken []int, err error) {
	records, versions := make([]backplane.Record, len(some)), make([]uint64, len(some))
	for i, r := range some {
		records[i], versions[i] = r.snapshot()
	}
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	if taken, err = s.h.log.Save(ctx, records, keep); err != nil {
		return nil, err
	}
	isTaken := map[int]bool{}
	for _, i := range taken {
		isTaken[i] = i < len(some)
	}
	for i, r := range some {
		if !isTaken[i] {
			r.stored(versions[i])
		}
	}
	return taken, nil
}

// keepConnected is how long the record of a connected client is kept: when its node is killed, at least a third is left of it after
// the last refresh, which is what an absent client has.
func keepConnected(keep time.Duration) time.Duration { return keep + keep/2 }

// finish stores, keeps or drops some records of clients that have left.
func (s *saver) finish(ctx context.Context) bool {
	s.mu.Lock()
	n := min(len(s.ended), maxSaved)
	some := s.ended[:n:n]
	s.mu.Unlock()
	if n == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	var dirty []*sessionRecord
	var drop []backplane.Record
	kept := map[time.Duration][]backplane.Record{}
	var keep time.Duration
	for _, e := range some {
		r := e.r
		r.mu.Lock()
		changed := r.saved < r.version && !r.unknown && s.may()
		r.mu.Unlock()
		switch {
		case !e.keep:
			drop = append(drop, backplane.Record{Key: r.key, Owner: r.owner})
		case changed && (len(dirty) == 0 || keep == r.keep):
			dirty, keep = append(dirty, r), r.keep
		default:
			kept[r.keep] = append(kept[r.keep], backplane.Record{Key: r.key, Owner: r.owner})
		}
	}
	if len(drop) > 0 && s.h.log.Drop(ctx, drop) != nil {
		return false
	}
	if len(dirty) > 0 {
		if _, err := s.store(ctx, dirty, keep); err != nil {
			for _, r := range dirty {
				r.mu.Lock()
				r.unknown = true
				r.mu.Unlock()
			}
			return false
		}
	}
	for keep, records := range kept {
		if _, err := s.h.log.Refresh(ctx, records, keep); err != nil {
			return false
		}
	}
	s.mu.Lock()
	s.ended = s.ended[n:]
	s.mu.Unlock()
	return true
}

// keepAll keeps the records of all connected clients for longer.
func (s *saver) keepAll(ctx context.Context) bool {
	next := time.Hour
	groups := map[time.Duration][]*sessionRecord{}
	for _, r := range s.h.all() {
		next = min(next, r.keep/2)
		r.mu.Lock()
		if r.state == recordActive && r.saved > 0 {
			groups[r.keep] = append(groups[r.keep], r)
		}
		r.mu.Unlock()
	}
	for keep, all := range groups {
		for len(all) > 0 {
			n := min(len(all), maxSaved)
			if !s.keepSome(ctx, all[:n], keepConnected(keep)) {
				return false
			}
			all = all[n:]
		}
	}
	s.mu.Lock()
	s.refresh = time.Now().Add(max(next, saveRetry))
	s.mu.Unlock()
	return true
}

// keepSome keeps some of them, and cuts those whose record is gone, or has another owner.
func (s *saver) keepSome(ctx context.Context, some []*sessionRecord, keep time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	records := make([]backplane.Record, len(some))
	for i, r := range some {
		records[i] = backplane.Record{Key: r.key, Owner: r.owner}
	}
	taken, err := s.h.log.Refresh(ctx, records, keep)
	if err != nil {
		return false
	}
	for _, i := range taken {
		if i < len(some) {
			some[i].missing()
		}
	}
	return true
}

// missing handles a record that is not there, or has another owner.
func (r *sessionRecord) missing() {
	r.mu.Lock()
	again := r.saved < r.version // it is being stored
	r.mu.Unlock()
	if !again {
		r.taken()
	}
}

// stop stores what is not stored, for saverFlush at most, and ends the goroutine.
func (s *saver) stop() {
	s.mu.Lock()
	runs := s.phase == saverRuns
	s.phase = saverEnds
	s.mu.Unlock()
	defer s.cancel()
	if !runs {
		return
	}
	s.signal()
	timer := time.NewTimer(saverFlush)
	defer timer.Stop()
	select {
	case <-s.stopped:
	case <-timer.C:
		s.cancel()
		<-s.stopped
	}
}
