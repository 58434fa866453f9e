package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// eventLog is the log of an engine, from session to session.
type eventLog struct {
	keep    keep
	scripts scripts
	keys    []string             // the stream, and the hash of positions
	nodes   string               // what the keys of nodes start with
	records string               // what those of records start with
	in      backplane.LogInbound // nil: the program only sends

	read   atomic.Uint64 // the last position that the framework has taken
	oldest atomic.Uint64 // entries before it are older than what is kept

	// Of the reader, of which there is one at a time.
	opened bool
	times  []reached
}

// reached is when a position had been read.
type reached struct {
	position uint64
	at       time.Time
}

// logSession is what a session has for a log.
type logSession struct {
	adder, reader rueidis.DedicatedClient
	running       sync.WaitGroup // the reader
}

// logCommands are those that a user of Redis needs for a log.
const logCommands = "EVAL, EVALSHA, HGET, HMGET, HSET, DEL, PEXPIRE, XADD, XRANGE, XREAD, XTRIM, XINFO STREAM, INFO, TIME, "

const (
	// idle is how long the reader waits for entries at a time.
	idle = 2 * time.Second
	// expiry is how long a log without nodes is kept, beside its retention.
	expiry = 24 * time.Hour
)

// elsewhere reports an error that asks for another Redis, or for later: it needs a new connection.
func elsewhere(e *rueidis.RedisError) bool {
	text := e.Error()
	for _, word := range []string{"MOVED ", "ASK ", "CLUSTERDOWN ", "TRYAGAIN ", "LOADING ", "MASTERDOWN ", "UNBLOCKED "} {
		if strings.HasPrefix(text, word) {
			return true
		}
	}
	return strings.Contains(text, "READONLY ") // also that of a script
}

// openLog prepares the connections, and starts the reader.
func (s *session) openLog(ctx context.Context) error {
	s.log = &logSession{}
	var release func()
	s.log.adder, release = s.client.Dedicate()
	s.release = append(s.release, release)
	if s.e.log.in == nil {
		return nil
	}
	s.log.reader, release = s.client.Dedicate()
	s.release = append(s.release, release)
	l := s.e.log
	base, last, err := s.checkLog(ctx)
	if err != nil {
		return err
	}
	if !l.opened {
		l.opened = true
		l.read.Store(last)
		l.in.Opened(base, last)
	}
	s.log.running.Go(func() {
		s.end(s.follow())
	})
	return nil
}

// checkLog makes a new base if one is due, trims the log, and returns its base and its last position.
func (s *session) checkLog(ctx context.Context) (base, last uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.e.opts.client.ConnWriteTimeout)
	defer cancel()
	l := s.e.log
	c := call{l.scripts.open, l.keys, []string{decimal(l.read.Load()), milliseconds(l.keep.retention + expiry), decimal(l.oldest.Load())}}
	r := s.log.reader.Do(ctx, c.command(s.log.reader.B(), true))
	if unknown(r.Error()) {
		r = s.log.reader.Do(ctx, c.command(s.log.reader.B(), false))
	}
	both, err := r.AsIntSlice()
	switch {
	case err != nil && strings.Contains(err.Error(), "syntax error"):
		return 0, 0, fmt.Errorf("it is older than Redis 6.2, which redis.Streams needs: %w", err)
	case err != nil:
		if _, refused := rueidis.IsRedisErr(err); refused {
			err = s.refused("EVAL", err)
		}
		return 0, 0, err
	case len(both) != 2 || both[0] < 0 || both[1] < both[0]:
		return 0, 0, fmt.Errorf("%w: positions %v", errProtocol, both)
	}
	return uint64(both[0]), uint64(both[1]), nil
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// add appends the frames of parts of a batch.
func (s *session) add(ctx context.Context, batch []*backplane.Message, parts []part, frames []byte) error {
	defer context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })()
	results := s.addAll(ctx, batch, parts, frames, true)
	missing := 0
	for _, r := range results {
		if unknown(r.Error()) {
			missing++
		}
	}
	if missing == len(parts) { // otherwise the order would be another one
		results = s.addAll(ctx, batch, parts, frames, false)
	}
	for _, r := range results {
		if _, err := r.AsInt64(); err != nil {
			return s.failed("EVALSHA", err)
		}
	}
	return nil
}

func (s *session) addAll(ctx context.Context, batch []*backplane.Message, parts []part, frames []byte, known bool) []rueidis.RedisResult {
	l := s.e.log
	read, oldest := decimal(l.read.Load()), decimal(l.oldest.Load())
	keep, most := milliseconds(l.keep.retention+expiry), strconv.Itoa(l.keep.messages)
	cmds := make([]rueidis.Completed, len(parts))
	for i, p := range parts {
		first, last := batch[p.first], batch[p.first+p.messages-1]
		keys := []string{l.keys[0], l.keys[1], l.nodes + first.Origin}
		args := []string{read, keep, oldest, most, strconv.Itoa(p.messages), rueidis.BinaryString(frames[p.start:p.end]), decimal(first.Seq), decimal(last.Seq)}
		cmds[i] = call{l.scripts.add, keys, args}.command(s.log.adder.B(), known)
	}
	return s.log.adder.DoMulti(ctx, cmds...)
}
