package memory

import (
	"bytes"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// keptRecord is a record and until when it is kept.
type keptRecord struct {
	backplane.Record

	until time.Time
}

// record returns a record that has not expired.
func (l *eventLog) record(now time.Time, key string) (r keptRecord, ok bool) {
	r, ok = l.records[key]
	return r, ok && now.Before(r.until)
}

// save stores the records that are not taken, and returns the indexes of the others.
func (l *eventLog) save(now time.Time, all []backplane.Record, keep time.Duration) (taken []int) {
	l.sweep(now)
	for i, r := range all {
		if old, ok := l.record(now, r.Key); ok && old.Owner != r.Owner {
			taken = append(taken, i)
			continue
		}
		r.Value = bytes.Clone(r.Value)
		l.records[r.Key] = keptRecord{r, now.Add(keep)}
	}
	return taken
}

// sweep removes expired records, at most once a second.
func (l *eventLog) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for key, r := range l.records {
		if !now.Before(r.until) {
			delete(l.records, key)
		}
	}
}

// take changes the owner of a record, and returns it as it was.
func (l *eventLog) take(now time.Time, key, owner string, keep time.Duration) (backplane.Record, error) {
	r, ok := l.record(now, key)
	if !ok {
		return backplane.Record{}, backplane.ErrNoRecord
	}
	before := r.Record
	before.Value = bytes.Clone(before.Value)
	r.Owner, r.until = owner, now.Add(keep)
	l.records[key] = r
	return before, nil
}

// refresh keeps the records that are not taken, and returns the indexes of the others.
func (l *eventLog) refresh(now time.Time, all []backplane.Record, keep time.Duration) (taken []int) {
	for i, r := range all {
		old, ok := l.record(now, r.Key)
		if !ok || old.Owner != r.Owner {
			taken = append(taken, i)
			continue
		}
		old.until = now.Add(keep)
		l.records[r.Key] = old
	}
	return taken
}

// drop removes the records that are not taken.
func (l *eventLog) drop(all []backplane.Record) {
	for _, r := range all {
		if l.records[r.Key].Owner == r.Owner {
			delete(l.records, r.Key)
		}
	}
}
