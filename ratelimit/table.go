package ratelimit

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// table maps keys to buckets, in a list ordered by last use.
type table struct {
	rule rule
	max  int

	mu       sync.Mutex
	entries  map[key]*entry
	sentinel entry // next: most recently used, prev: least
}

type entry struct {
	key        key
	bucket     *rate.Limiter
	prev, next *entry
}

func newTable(r rule, maxKeys int) *table {
	t := &table{rule: r, max: maxKeys, entries: map[key]*entry{}}
	t.sentinel.prev, t.sentinel.next = &t.sentinel, &t.sentinel
	return t
}

// take takes a token from the key's bucket; see [rule.take].
func (t *table) take(k key) (seconds int, ok bool) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[k]
	if e == nil {
		t.evict(now)
		k.text = strings.Clone(k.text) // it may be a substring of a message
		e = &entry{key: k, bucket: t.rule.bucket()}
		t.entries[k] = e
		t.toFront(e)
	} else if t.sentinel.next != e {
		t.unlink(e)
		t.toFront(e)
	}
	return t.rule.take(e.bucket, now, 1)
}

// evict makes room for one key. It evicts up to two, so that a table that was large
// shrinks, at a constant cost for each new key.
func (t *table) evict(now time.Time) {
	for range 2 {
		last := t.sentinel.prev
		if last == &t.sentinel || len(t.entries) < t.max && !t.rule.full(last.bucket, now) {
			return
		}
		t.unlink(last)
		delete(t.entries, last.key)
	}
}

func (t *table) toFront(e *entry) {
	e.prev, e.next = &t.sentinel, t.sentinel.next
	e.prev.next, e.next.prev = e, e
}

func (t *table) unlink(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
}
