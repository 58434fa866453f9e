package cluster

import (
	"sync"
	"sync/atomic"
	"time"
)

// resumeWait is how long what waits is kept back for nodes that are not connected yet: as long as the
// longest pause between two attempts of an engine to connect.
const resumeWait = 2 * time.Second

// resume keeps back what waits when the service is back after a loss: other nodes may connect later, and
// would miss it.
type resume struct {
	active atomic.Bool // some are missing

	mu      sync.Mutex
	missing map[string]struct{} // nodes that lived when the link went down, and have not been heard since
	until   time.Time
	timer   *time.Timer // wakes the sender then; nil before the first loss
}

// down records which nodes to wait for.
func (r *resume) down(ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.missing == nil {
		r.missing = map[string]struct{}{}
	}
	for _, id := range ids {
		r.missing[id] = struct{}{}
	}
	r.active.Store(len(r.missing) > 0)
}

// up starts the wait, at whose end wake is called.
func (r *resume) up(wake func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.missing) == 0 {
		return
	}
	r.until = time.Now().Add(resumeWait)
	if r.timer != nil {
		r.timer.Stop()
	}
	r.timer = time.AfterFunc(resumeWait, wake)
}

// heard records that a node is connected or has left, and reports whether it was the last one.
func (r *resume) heard(id string) (last bool) {
	if !r.active.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, missing := r.missing[id]; !missing {
		return false
	}
	delete(r.missing, id)
	r.active.Store(len(r.missing) > 0)
	return len(r.missing) == 0
}

// waits reports whether a node is waited for.
func (r *resume) waits() bool {
	if !r.active.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !time.Now().Before(r.until) {
		clear(r.missing)
	}
	r.active.Store(len(r.missing) > 0)
	return len(r.missing) > 0
}

// end waits for no node any more.
func (r *resume) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.missing)
	r.active.Store(false)
	if r.timer != nil {
		r.timer.Stop()
	}
}
