package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/redis/rueidis"
)

// run calls scripts in one pipeline on the connection that callers share.
func (s *session) run(ctx context.Context, calls []call) ([]rueidis.RedisResult, error) {
	ctx, cancel := s.during(ctx)
	defer cancel()
	results := s.pipeline(ctx, calls, true)
	var again []int
	for i, r := range results {
		if unknown(r.Error()) {
			again = append(again, i)
		}
	}
	if len(again) > 0 {
		unknown := make([]call, len(again))
		for i, x := range again {
			unknown[i] = calls[x]
		}
		for i, r := range s.pipeline(ctx, unknown, false) {
			results[again[i]] = r
		}
	}
	for _, r := range results {
		if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) {
			return nil, s.unanswered(ctx, "EVALSHA", err)
		}
	}
	return results, nil
}

func (s *session) pipeline(ctx context.Context, calls []call, known bool) []rueidis.RedisResult {
	cmds := make([]rueidis.Completed, len(calls))
	for i, c := range calls {
		cmds[i] = c.command(s.client.B(), known)
	}
	return s.client.DoMulti(ctx, cmds...)
}

// during returns a context for a call on the connection that callers share: without a deadline, at which the client
// would close the connection.
func (s *session) during(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithCancelCause(s.ctx)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return own, func() { stop(); cancel(nil) }
}

// unanswered returns the error of such a call. A caller that waits no longer does not end the session.
func (s *session) unanswered(ctx context.Context, command string, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%s: %w", s.e.opts.target(), context.Cause(ctx))
	}
	return s.failed(command, err)
}

// base returns the base of the log; a position above all without one.
func (s *session) base(ctx context.Context) (uint64, error) {
	ctx, cancel := s.during(ctx)
	defer cancel()
	text, err := s.client.Do(ctx, s.client.B().Hget().Key(s.e.log.keys[1]).Field("b").Build()).ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return 0, s.unanswered(ctx, "HGET", err)
	}
	base, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return math.MaxUint64, nil // a base is made with the next message
	}
	return base, nil
}

// entries returns the first entries after an id.
func (s *session) entries(ctx context.Context, after streamID, count int64) ([]streamEntry, error) {
	ctx, cancel := s.during(ctx)
	defer cancel()
	cmd := s.client.B().Xrange().Key(s.e.log.keys[0]).Start("(" + after.String()).End("+").Count(count).Build()
	all, err := s.client.Do(ctx, cmd).ToArray()
	if err != nil {
		return nil, s.unanswered(ctx, "XRANGE", err)
	}
	return readEntries(all)
}
