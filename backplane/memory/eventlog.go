package memory

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// DefaultRetention is how long a bus with [Log] keeps events unless it says otherwise.
const DefaultRetention = 2 * time.Minute

// baseStep is how far a base is above every position before it.
const baseStep = 1 << 30

// eventLog is what the service keeps; guarded by Bus.mu.
type eventLog struct {
	retention time.Duration
	limit     int // bytes of frames
	size      int
	entries   []logEntry // in the order of their last positions, which are different

	last    uint64 // position; 0: the service knows none
	base    uint64
	run     int // which process the service is
	baseRun int // which one has made the base

	seqs    map[string]uint64 // the number of the last message of each node
	records map[string]keptRecord
	swept   time.Time // when expired records were removed last
}

// logEntry is an entry and when it was appended.
type logEntry struct {
	backplane.Entry

	at time.Time
}

func newEventLog(retention time.Duration, limit int) *eventLog {
	return &eventLog{retention: retention, limit: limit, seqs: map[string]uint64{}, records: map[string]keptRecord{}}
}

// clone returns a copy; entries are never changed.
func (l *eventLog) clone() *eventLog {
	own := *l
	own.entries = slices.Clone(l.entries)
	own.seqs, own.records = maps.Clone(l.seqs), maps.Clone(l.records)
	return &own
}

// open returns where the log starts and ends.
func (l *eventLog) open(now time.Time) (base, last uint64) {
	l.rebase(now, 0)
	return l.base, l.last
}

// rebase starts a new base when positions may have been lost. read is the last one that the caller has
// read.
func (l *eventLog) rebase(now time.Time, read uint64) {
	if l.last > 0 && l.run == l.baseRun && read <= l.last {
		return
	}
	ms := max(now.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).Milliseconds(), 0)
	l.base = max(l.last, read, uint64(ms)*16) + baseStep
	l.last, l.baseRun = l.base, l.run
	l.add(now, backplane.Entry{First: l.base + 1, NewBase: true})
}

// append appends a frame.
func (l *eventLog) append(now time.Time, frame []byte, messages int, read uint64) {
	l.rebase(now, read)
	l.add(now, backplane.Entry{First: l.last + 1, Messages: messages, Frame: frame})
	l.last += uint64(messages)
}

func (l *eventLog) add(now time.Time, e backplane.Entry) {
	l.entries, l.size = append(l.entries, logEntry{e, now}), l.size+len(e.Frame)
	n := 0
	for n < len(l.entries)-1 && (l.size > l.limit || now.Sub(l.entries[n].at) > l.retention+l.retention/10) {
		l.size -= len(l.entries[n].Frame)
		n++
	}
	l.entries = l.entries[n:]
}

// trim keeps the last entries.
func (l *eventLog) trim(keep int) {
	for len(l.entries) > keep {
		l.size -= len(l.entries[0].Frame)
		l.entries = l.entries[1:]
	}
}

// after returns the index of the first entry that ends after a position.
func (l *eventLog) after(position uint64) int {
	i, _ := slices.BinarySearchFunc(l.entries, position+1, func(e logEntry, p uint64) int {
		if e.Last() < p {
			return -1
		}
		return 1
	})
	return i
}

// read returns the entries that have the positions after to until.
func (l *eventLog) read(after, until uint64) ([]backplane.Entry, error) {
	if after >= until {
		return nil, nil
	}
	if after < l.base || until > l.last {
		return nil, fmt.Errorf("memory: %d to %d of %d to %d: %w", after, until, l.base, l.last, backplane.ErrPosition)
	}
	var all []backplane.Entry
	next := after + 1
	for _, e := range l.entries[l.after(after):] {
		if e.First > next {
			break
		}
		all, next = append(all, owned(e.Entry)), e.Last()+1
		if next > until {
			return all, nil
		}
	}
	return nil, fmt.Errorf("memory: %d to %d: %w", next, until, backplane.ErrPosition)
}

// owned returns an entry with its own bytes.
func owned(e backplane.Entry) backplane.Entry {
	e.Frame = bytes.Clone(e.Frame)
	return e
}
