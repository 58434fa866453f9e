package redis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// follow passes entries to the framework until the session ends.
func (s *session) follow() error {
	l := s.e.log
	check := time.NewTicker(min(max(l.keep.retention/8, time.Second), time.Minute))
	defer check.Stop()
	from, count := streamID{ms: l.read.Load()}, int64(maxEntries)
	for {
		all, err := s.await(from, count)
		if err != nil {
			return err
		}
		valid := true
		for _, e := range all {
			taken, err := s.pass(e)
			if err != nil {
				return err
			}
			from, valid = e.id, valid && taken
		}
		count = nextCount(count, all)
		l.remember(time.Now())
		select {
		case <-check.C:
		default:
			if valid {
				continue
			}
		}
		_, last, err := s.checkLog(s.ctx)
		if err != nil {
			return err
		}
		if from.ms > last { // what others had appended is gone
			from = streamID{ms: l.read.Load()}
		}
	}
}

// pass passes an entry to the framework, and waits until it has taken it. It reports whether the entry is valid.
func (s *session) pass(e streamEntry) (valid bool, err error) {
	l := s.e.log
	read := l.read.Load()
	switch {
	case !e.invalid && e.Last() <= read:
		return true, nil
	case e.invalid || e.First <= read:
		s.e.in.ReceiveFrame(backplane.ChannelEvents, nil) // counts it as invalid
		return false, nil
	}
	for !l.in.ReceiveEntry(s.ctx, e.Entry) {
		if err := s.pause(10 * time.Millisecond); err != nil {
			return false, err
		}
	}
	if l.read.Store(e.Last()); e.NewBase {
		l.base.Store(e.Last())
	}
	return true, nil
}

// pause waits, and returns why the session has ended.
func (s *session) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}

// await returns the entries after an id, and waits a while for the first one.
func (s *session) await(after streamID, count int64) ([]streamEntry, error) {
	ctx, cancel := context.WithTimeout(s.ctx, idle+s.e.opts.client.ConnWriteTimeout)
	defer cancel()
	r, key := s.log.reader, s.e.log.keys[0]
	m, err := r.Do(ctx, r.B().Xread().Count(count).Block(idle.Milliseconds()).Streams().Key(key).Id(after.String()).Build()).ToMessage()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		if _, refused := rueidis.IsRedisErr(err); refused {
			err = s.refused("XREAD", err)
		}
		return nil, err
	}
	var pair []rueidis.RedisMessage // the stream and its entries
	if m.IsMap() {
		var streams map[string]rueidis.RedisMessage
		streams, err = m.ToMap()
		for _, entries := range streams {
			pair = []rueidis.RedisMessage{{}, entries}
		}
	} else if pair, err = m.ToArray(); err == nil && len(pair) == 1 {
		pair, err = pair[0].ToArray()
	}
	if err != nil || len(pair) != 2 {
		return nil, fmt.Errorf("%w: XREAD returned another form", errProtocol)
	}
	entries, err := pair[1].ToArray()
	if err != nil {
		return nil, fmt.Errorf("%w: XREAD returned another form", errProtocol)
	}
	return readEntries(entries)
}

// remember notes what has been read, and finds what is older than what is kept.
func (l *eventLog) remember(now time.Time) {
	if n := len(l.times); n == 0 || now.Sub(l.times[n-1].at) >= l.keep.retention/16 {
		l.times = append(l.times, reached{l.read.Load(), now})
	}
	old := 0
	for old < len(l.times) && now.Sub(l.times[old].at) > l.keep.retention+l.keep.retention/8 {
		l.oldest.Store(l.times[old].position + 1)
		old++
	}
	l.times = slices.Delete(l.times, 0, old)
}
