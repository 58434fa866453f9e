package backplanetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// take returns what Take returns; nil without a record.
func (n *node) take(key, owner string) *backplane.Record {
	n.s.Helper()
	ctx, cancel := n.s.context()
	defer cancel()
	r, err := n.engineLog().Take(ctx, key, owner, keepLong)
	if errors.Is(err, backplane.ErrNoRecord) {
		return nil
	}
	if err != nil {
		n.s.Errorf("Take: %v", err)
	}
	if r.Key != key {
		n.s.Errorf("Take of %q returns the record %q", key, r.Key)
	}
	return &r
}

func (n *node) save(keep time.Duration, records ...backplane.Record) (taken []int) {
	n.s.Helper()
	ctx, cancel := n.s.context()
	defer cancel()
	taken, err := n.engineLog().Save(ctx, records, keep)
	if err != nil {
		n.s.Errorf("Save: %v", err)
	}
	return taken
}

func (n *node) refresh(keep time.Duration, records ...backplane.Record) (taken []int) {
	n.s.Helper()
	ctx, cancel := n.s.context()
	defer cancel()
	taken, err := n.engineLog().Refresh(ctx, records, keep)
	if err != nil {
		n.s.Errorf("Refresh: %v", err)
	}
	return taken
}

func (n *node) drop(records ...backplane.Record) {
	n.s.Helper()
	ctx, cancel := n.s.context()
	defer cancel()
	if err := n.engineLog().Drop(ctx, records); err != nil {
		n.s.Errorf("Drop: %v", err)
	}
}

func (s *suite) wantTaken(what string, got []int, want ...int) {
	s.Helper()
	if !slices.Equal(got, want) {
		s.Errorf("%s: the records with the indexes %v are taken, want %v", what, got, want)
	}
}

const keepLong = time.Hour

func testRecords(s *suite) {
	a, b := s.nodes()
	value := []byte("\x00\xff\r\nvalue")
	all := make([]backplane.Record, backplane.MaxBatch)
	for i := range all {
		all[i] = backplane.Record{Key: fmt.Sprintf("key_%d-", i), Owner: "a.1", Value: value}
	}
	s.wantTaken("Save", a.save(keepLong, all...))
	all[3].Value = []byte("another")
	s.wantTaken("Save again", a.save(keepLong, all[2:5]...))
	if a.take("none", "b.1") != nil {
		s.Errorf("Take returns a record that was not saved")
	}
	for i, want := range map[int]string{3: "another", 4: string(value), len(all) - 1: string(value)} {
		if r := b.take(all[i].Key, "b.1"); r == nil || r.Owner != "a.1" || string(r.Value) != want {
			s.Errorf("Take of a record of a.1 with the value %q: %+v", want, r)
		}
	}
	if r := b.take(all[3].Key, "b.2"); r == nil || r.Owner != "b.1" || string(r.Value) != "another" {
		s.Errorf("a second Take: %+v, want the owner b.1", r)
	}
	all[4].Value = []byte("late")
	s.wantTaken("Save of records that were taken", a.save(keepLong, all[2:6]...), 1, 2)
	s.wantTaken("Refresh of records that were taken or are not there", a.refresh(keepLong, all[2], all[3], backplane.Record{Key: "none", Owner: "a.1"}), 1, 2)
	a.drop(all[4], all[5])
	if r := b.take(all[4].Key, "b.3"); r == nil || !bytes.Equal(r.Value, value) || r.Owner != "b.1" {
		s.Errorf("a record of another owner after Save and Drop: %+v", r)
	}
	if r := b.take(all[5].Key, "b.3"); r != nil {
		s.Errorf("a record that was dropped: %+v", r)
	}
	s.wantTaken("Save after Drop", b.save(keepLong, backplane.Record{Key: all[5].Key, Owner: "b.4"}))
	if r := a.take(all[5].Key, "a.5"); r == nil || r.Owner != "b.4" || len(r.Value) > 0 {
		s.Errorf("a record without a value: %+v", r)
	}
	if got := append(a.save(keepLong), a.refresh(keepLong)...); len(got) > 0 {
		s.Errorf("without records, %v are taken", got)
	}
}

func testTakeOnce(s *suite) {
	a, b := s.nodes()
	a.save(keepLong, backplane.Record{Key: "k", Owner: "first"})
	const count = 20
	var mu sync.Mutex
	next := map[string]string{}
	var all sync.WaitGroup
	for i := range 2 * count {
		all.Go(func() {
			n, owner := []*node{a, b}[i%2], fmt.Sprint("owner.", i)
			if r := n.take("k", owner); r != nil {
				mu.Lock()
				defer mu.Unlock()
				if other := next[r.Owner]; other != "" {
					s.Errorf("%s and %s have taken the record of %s", owner, other, r.Owner)
				}
				next[r.Owner] = owner
			}
		})
	}
	all.Wait()
	last := "first"
	for range 2 * count {
		last = next[last]
	}
	if len(next) != 2*count || last == "" {
		s.Errorf("%d calls of Take have found %d owners, the last of a chain is %q", 2*count, len(next), last)
	}
	saved := 0
	for i := range 2 * count {
		if len(a.save(keepLong, backplane.Record{Key: "k", Owner: fmt.Sprint("owner.", i)})) == 0 {
			saved++
		}
	}
	if saved != 1 {
		s.Errorf("%d owners can save the record", saved)
	}
}

func testExpiry(s *suite) {
	a := s.start(backplane.ChannelEvents)
	const soon = 2 * time.Second
	of := func(key string) backplane.Record { return backplane.Record{Key: key, Owner: "o"} }
	a.save(soon, of("saved"), of("refreshed"), of("taken"))
	a.save(keepLong, of("kept"), of("shortened"))
	a.refresh(keepLong, of("refreshed"))
	a.refresh(soon, of("shortened"))
	a.take("taken", "p")
	<-time.After(soon + soon/4) // the time of the service
	for key, want := range map[string]bool{"saved": false, "refreshed": true, "taken": true, "kept": true, "shortened": false} {
		if got := a.take(key, "q") != nil; got != want {
			s.Errorf("record %s is there: %t, want %t", key, got, want)
		}
	}
}
