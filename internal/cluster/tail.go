package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// tailBytes is how much of the end of the log is kept in memory.
const tailBytes = 8 << 20

// tail is the newest entries of the log, without a hole.
type tail struct {
	mu      sync.RWMutex
	entries []backplane.Entry
	bytes   int
}

// add adds the next entry.
func (t *tail) add(e backplane.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries, t.bytes = append(t.entries, e), t.bytes+len(e.Frame)+frameSize
	n := 0
	for t.bytes > tailBytes && n < len(t.entries)-1 {
		t.bytes -= len(t.entries[n].Frame) + frameSize
		n++
	}
	if n > 0 {
		clear(t.entries[:n])
		t.entries = t.entries[n:]
	}
}

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries, t.bytes = nil, 0
}

// after returns the entries that have the positions after one; nil if not all of them are there.
func (t *tail) after(position uint64) []backplane.Entry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.entries) == 0 || t.entries[0].First > position+1 {
		return nil
	}
	i, _ := slices.BinarySearchFunc(t.entries, position, func(e backplane.Entry, p uint64) int {
		if e.Last() <= p {
			return -1
		}
		return 1
	})
	return slices.Clip(t.entries[i:])
}

// ReadLog calls f with the messages of the log that have the positions after to until, in order, until it returns an error. m is
// valid until f returns. With onlyTail it reads nothing from the service. The error is [backplane.ErrPosition] when messages are missing.
func (c *Cluster) ReadLog(ctx context.Context, after, until uint64, onlyTail bool, f func(m *backplane.Message, load Load, position uint64) error) error {
	r := &rangeReader{limits: c.limits, next: after + 1, until: until, f: f}
	if after >= until {
		return nil
	}
	if entries := c.entries.tail.after(after); entries != nil {
		for _, e := range entries {
			if err := r.entry(e); err != nil {
				return err
			}
		}
	} else if !onlyTail {
		if err := c.entries.log.Read(ctx, after, until, r.entry); err != nil {
			return err
		}
	}
	if r.next <= until {
		return fmt.Errorf("positions %d to %d: %w", r.next, until, backplane.ErrPosition)
	}
	return nil
}

// rangeReader reads the messages of a range.
type rangeReader struct {
	limits      envelope.Limits
	reader      envelope.Reader
	next, until uint64
	f           func(m *backplane.Message, load Load, position uint64) error
}

// entry reads an entry. Those that every node refuses are left out.
func (r *rangeReader) entry(e backplane.Entry) error {
	switch {
	case e.NewBase || e.First > r.next:
		return fmt.Errorf("positions %d to %d: %w", r.next, e.First, backplane.ErrPosition)
	case e.Last() < r.next || e.First > r.until:
		return nil
	}
	if readable := r.reader.Open(e.Frame, r.limits) == nil; !readable {
		r.next = e.Last() + 1
		return nil
	}
	return r.messages(e)
}

// messages reads the messages of the entry that reader has.
func (r *rangeReader) messages(e backplane.Entry) error {
	for at := e.First; at <= min(e.Last(), r.until); at++ {
		if ok, _ := r.reader.Next(); !ok {
			break
		}
		m, malformed := r.reader.Head()
		if at < r.next || malformed != nil {
			continue
		}
		m.Channel = backplane.ChannelEvents
		if err := r.f(m, r.reader.Load, at); err != nil {
			return err
		}
	}
	r.next = e.Last() + 1
	return nil
}
