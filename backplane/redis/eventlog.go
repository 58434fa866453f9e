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
	node    string               // that of this one
	records string               // what those of records start with
	in      backplane.LogInbound // nil: the program only sends

	read   atomic.Uint64 // the last position that the framework has taken
	oldest atomic.Uint64 // entries before it are older than what is kept
	base   atomic.Uint64 // the last one that is known
	doubt  doubt         // of the sender

	// Of the reader, of which there is one at a time.
	opened bool
	times  []reached
}

// doubt is messages of which it is unknown whether they were appended.
type doubt struct {
	seq  uint64 // the number of the last one
	base uint64 // that was known when they were sent first
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
	c := call{l.scripts.open, []string{l.keys[0], l.keys[1], l.node}, []string{decimal(l.read.Load()), milliseconds(l.keep.retention + expiry), decimal(l.oldest.Load())}}
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
	l.base.Store(uint64(both[0]))
	return uint64(both[0]), uint64(both[1]), nil
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// add appends the frames of parts of a batch, one after the other: a later one must not be there without an earlier one.
func (s *session) add(ctx context.Context, batch []*backplane.Message, parts []part, frames []byte) error {
	defer context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })()
	for _, p := range parts {
		if err := s.addPart(ctx, batch[p.first:p.first+p.messages], frames[p.start:p.end]); err != nil {
			return err
		}
	}
	return nil
}

// addPart appends the frame of some messages.
func (s *session) addPart(ctx context.Context, of []*backplane.Message, frame []byte) (err error) {
	l, first, last := s.e.log, of[0], of[len(of)-1]
	base, again := l.base.Load(), first.Seq > 0 && first.Seq <= l.doubt.seq
	if again {
		base = l.doubt.base
	}
	err = s.append(ctx, of, frame, base, again)
	if now, is := otherBase(err); is && !again { // this node has not read that there is one
		l.base.Store(now)
		base, err = now, s.append(ctx, of, frame, now, false)
	}
	e, refused := rueidis.IsRedisErr(err)
	_, rebased := otherBase(err)
	switch {
	case err == nil, refused && strings.HasPrefix(e.Error(), "LATE "):
		return nil
	case rebased && again:
		l.doubt = doubt{}
		return fmt.Errorf("%s: %w: %w", s.e.opts.target(), backplane.ErrUncertain, err)
	case !refused && last.Seq > l.doubt.seq:
		l.doubt = doubt{last.Seq, base}
	}
	return s.failed("EVALSHA", err)
}

// otherBase reports whether a frame was refused because the log has another base, and which.
func otherBase(err error) (base uint64, is bool) {
	e, refused := rueidis.IsRedisErr(err)
	if !refused {
		return 0, false
	}
	text, is := strings.CutPrefix(e.Error(), "BASE ")
	base, _ = strconv.ParseUint(text, 10, 64)
	return base, is
}

// append runs the script that appends a frame.
func (s *session) append(ctx context.Context, of []*backplane.Message, frame []byte, base uint64, again bool) error {
	l, first, last := s.e.log, of[0], of[len(of)-1]
	c := call{l.scripts.add, []string{l.keys[0], l.keys[1], l.nodes + first.Origin}, []string{
		decimal(l.read.Load()), milliseconds(l.keep.retention + expiry), decimal(l.oldest.Load()), strconv.Itoa(l.keep.messages),
		strconv.Itoa(len(of)), rueidis.BinaryString(frame), decimal(first.Seq), decimal(last.Seq), decimal(base), map[bool]string{true: "1", false: "0"}[again],
	}}
	r := s.log.adder.Do(ctx, c.command(s.log.adder.B(), true))
	if unknown(r.Error()) {
		r = s.log.adder.Do(ctx, c.command(s.log.adder.B(), false))
	}
	_, err := r.AsInt64()
	return err
}
