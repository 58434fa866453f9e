package redis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// StreamsEngine is the engine of one application, see [Streams].
type StreamsEngine struct{ Engine }

var _ backplane.Log = (*StreamsEngine)(nil)

// Streams returns an engine that connects Gatehouse nodes as [Native] does, and keeps what is sent to clients in a stream
// of Redis, and of each client what another node needs to go on with it: clients that may be recovered survive the end of
// their node, and of all nodes. It needs Redis 6.2 or newer, or Valkey, and programs of package emit must use it too. Each
// node has four connections.
//
// Events reach the clients of all nodes in one order, when they have returned from Redis. While Redis cannot be
// reached, those of a node reach its own clients. What Redis loses, as when it fails over to a replica that lags, is
// noticed: clients that may have missed something are new clients then. The first replica of a Redis, and the end of
// its backlog an hour after the last one, count as such a loss.
func Streams(opts ...Option) *StreamsEngine {
	e := &StreamsEngine{}
	e.init(opts)
	p := e.opts.prefix
	if e.opts.cluster && strings.ContainsAny(p, "{}") {
		e.opts.failed(fmt.Errorf("redis: Prefix %q: it has braces, which choose the slot of a key in a Redis Cluster: use another", p))
	}
	e.log = &eventLog{keep: e.opts.keep, scripts: newScripts(), keys: []string{p + ":{" + p + "}:e", p + ":{" + p + "}:p"}, nodes: p + ":{" + p + "}:n:", records: p + ":r:"}
	return e
}

// Name implements [backplane.Backplane].
func (*StreamsEngine) Name() string { return "redis/streams" }

// Retention implements [backplane.Log]: the option of the same name.
func (e *StreamsEngine) Retention() time.Duration { return e.opts.keep.retention }

// Read implements [backplane.Log]. It waits while Redis cannot be reached.
func (e *StreamsEngine) Read(ctx context.Context, after, until uint64, f func(backplane.Entry) error) error {
	if after >= until {
		return nil
	}
	s, err := e.loop.Session(ctx)
	if err != nil {
		return err
	}
	base, err := s.base(ctx)
	if err != nil {
		return err
	}
	if after < base {
		return fmt.Errorf("redis: position %d, the log starts at %d: %w", after, base, backplane.ErrPosition)
	}
	next, from, count := after+1, streamID{after, lastSequence}, int64(maxEntries)
	for next <= until {
		all, err := s.entries(ctx, from, count)
		if err != nil {
			return err
		}
		count = nextCount(count, all)
		if len(all) == 0 {
			return fmt.Errorf("redis: position %d is not there: %w", next, backplane.ErrPosition)
		}
		for _, x := range all {
			from = x.id
			switch e := x.Entry; {
			case x.invalid || e.Last() < next && !e.NewBase:
			case e.NewBase || e.First > next:
				return fmt.Errorf("redis: position %d is not there: %w", next, backplane.ErrPosition)
			default:
				if err := f(e); err != nil {
					return err
				}
				next = e.Last() + 1
			}
			if next > until {
				return nil
			}
		}
	}
	return nil
}

// Save implements [backplane.Log]: a script for each record, all in one pipeline. It waits while Redis cannot be
// reached.
func (e *StreamsEngine) Save(ctx context.Context, records []backplane.Record, keep time.Duration) (taken []int, err error) {
	return e.eachRecord(ctx, e.log.scripts.save, records, func(r backplane.Record) []string {
		return []string{r.Owner, milliseconds(keep), rueidis.BinaryString(r.Value)}
	})
}

// Take implements [backplane.Log].
func (e *StreamsEngine) Take(ctx context.Context, key, owner string, keep time.Duration) (backplane.Record, error) {
	s, err := e.loop.Session(ctx)
	if err != nil {
		return backplane.Record{}, err
	}
	results, err := s.run(ctx, []call{{e.log.scripts.take, []string{e.log.records + key}, []string{owner, milliseconds(keep)}}})
	if err != nil {
		return backplane.Record{}, err
	}
	values, err := results[0].AsStrSlice()
	if err != nil {
		return backplane.Record{}, s.failed("EVALSHA", err)
	}
	if len(values) != 2 {
		return backplane.Record{}, backplane.ErrNoRecord
	}
	return backplane.Record{Key: key, Owner: values[0], Value: owned(values[1])}, nil
}

// Refresh implements [backplane.Log].
func (e *StreamsEngine) Refresh(ctx context.Context, records []backplane.Record, keep time.Duration) (taken []int, err error) {
	return e.eachRecord(ctx, e.log.scripts.refresh, records, func(r backplane.Record) []string {
		return []string{r.Owner, milliseconds(keep)}
	})
}

// Drop implements [backplane.Log].
func (e *StreamsEngine) Drop(ctx context.Context, records []backplane.Record) error {
	_, err := e.eachRecord(ctx, e.log.scripts.drop, records, func(r backplane.Record) []string { return []string{r.Owner} })
	return err
}

// eachRecord runs a script for each record, and returns the indexes of those for which it returns 0.
func (e *StreamsEngine) eachRecord(ctx context.Context, of script, records []backplane.Record, args func(backplane.Record) []string) (zero []int, err error) {
	if len(records) == 0 {
		return nil, nil
	}
	s, err := e.loop.Session(ctx)
	if err != nil {
		return nil, err
	}
	calls := make([]call, len(records))
	for i, r := range records {
		calls[i] = call{of, []string{e.log.records + r.Key}, args(r)}
	}
	results, err := s.run(ctx, calls)
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		n, err := r.AsInt64()
		if err != nil {
			return nil, s.failed("EVALSHA", err)
		}
		if n == 0 {
			zero = append(zero, i)
		}
	}
	return zero, nil
}

func milliseconds(d time.Duration) string { return fmt.Sprint(max(d.Milliseconds(), 1)) }
