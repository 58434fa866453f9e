package ratelimit

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// table has the buckets of many keys, those seen last at the front.
type table struct {
	rule rule
	max  int

	mu      sync.Mutex
	entries map[key]*entry
	ends    entry // next is the first, prev the last
}

type entry struct {
	key        key
	bucket     *rate.Limiter
	prev, next *entry
}

func newTable(r rule, maxKeys int) *table {
	t := &table{rule: r, max: maxKeys, entries: map[key]*entry{}}
	t.ends.prev, t.ends.next = &t.ends, &t.ends
	return t
}

// take takes a token of the key's bucket; see [rule.take].
func (t *table) take(k key) (seconds int, ok bool) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[k]
	if e == nil {
		t.forget(now)
		k.text = strings.Clone(k.text) // it may be part of a whole message
		e = &entry{key: k, bucket: t.rule.bucket()}
		t.entries[k] = e
		t.toFront(e)
	} else if t.ends.next != e {
		t.unlink(e)
		t.toFront(e)
	}
	return t.rule.take(e.bucket, now, 1)
}

// forget makes room for one more. Two at a time shrink a table that was large once,
// and cost each new key the same.
func (t *table) forget(now time.Time) {
	for range 2 {
		last := t.ends.prev
		if last == &t.ends || len(t.entries) < t.max && !t.rule.full(last.bucket, now) {
			return
		}
		t.unlink(last)
		delete(t.entries, last.key)
	}
}

func (t *table) toFront(e *entry) {
	e.prev, e.next = &t.ends, t.ends.next
	e.prev.next, e.next.prev = e, e
}

func (t *table) unlink(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
}
