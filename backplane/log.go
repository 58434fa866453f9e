package backplane

import (
	"context"
	"errors"
	"time"
)

// Errors of a [Log].
var (
	// ErrPosition means that the log does not have everything after a position: it was trimmed, or
	// the service has lost it.
	ErrPosition = errors.New("the log does not have this position any more")
	// ErrNoRecord means that there is no record of the key: it has expired, or was dropped.
	ErrNoRecord = errors.New("no record of this client")
	// ErrUncertain means that messages were sent again of which it is unknown whether the log had them: it has started a new base
	// since the first attempt. They are not in it now, and must not be sent again.
	ErrUncertain = errors.New("it is unknown whether messages have reached the log")
)

// Log is an engine that keeps the messages of [ChannelEvents] for some time, and records of clients,
// so that a client whose node was killed goes on at another one.
//
// The messages have positions: consecutive numbers that are the same at all nodes. Send appends
// those of a batch, and every node receives them in the order of their positions, the node that has
// sent them too, by [LogInbound].ReceiveEntry. When the service may have lost messages or
// positions, as after a failover, the log starts at a new base, above every position that was
// there before; what is before the base is not valid any more. Other channels are as those of
// other engines.
//
// After an error of Send that is neither [ErrUncertain] nor about the messages themselves, the framework calls Send with the
// messages of [ChannelEvents] of the batch again, before it sends later ones. The log has each once: it appends no message
// whose Seq is not above that of the last one of its Origin. A Send that finds all of them there has succeeded. As nodes may have
// received what a log has lost, messages that an earlier call may have appended are refused at another base than the one
// of that call, with [ErrUncertain].
//
// Its methods are safe for concurrent use, from Start to Stop.
type Log interface {
	Backplane
	// Retention is how long messages are kept at least, unless the limits of the engine are
	// reached first. It is constant.
	Retention() time.Duration
	// Read calls f with the entries that have the positions after to until, in order; the first and the
	// last may have others too. The error is [ErrPosition] when some are missing, that of f, or of the
	// service.
	Read(ctx context.Context, after, until uint64, f func(Entry) error) error
	// Save stores records for keep each. Those that have another owner by now are not stored: it returns
	// their indexes. A record that is not there is stored.
	Save(ctx context.Context, records []Record, keep time.Duration) (taken []int, err error)
	// Take makes owner the owner of a record, and returns it as it was before, or [ErrNoRecord]. Of
	// concurrent calls each finds the owner that the one before it has set.
	Take(ctx context.Context, key, owner string, keep time.Duration) (Record, error)
	// Refresh keeps records for keep from now. Those that are not there or have another owner are left
	// alone: it returns their indexes. Values are not used.
	Refresh(ctx context.Context, records []Record, keep time.Duration) (taken []int, err error)
	// Drop removes records, except those that have another owner by now. Values are not used.
	Drop(ctx context.Context, records []Record) error
}

// Entry is a frame of package envelope in a [Log].
type Entry struct {
	// First is the position of its first message, and Messages how many it has; 0 for an entry that only starts
	// a base.
	First    uint64
	Messages int
	// NewBase means that the log was started anew at this entry: offsets before its Last, after which the
	// first message of the new base follows, are not valid any more, and messages may be lost.
	NewBase bool
	Frame   []byte
}

// Last returns the position of the last message; First-1 without any.
func (e Entry) Last() uint64 { return e.First + uint64(e.Messages) - 1 }

// Record is what a [Log] keeps of a client.
type Record struct {
	// Key identifies it: at most 64 letters, digits, "-" and "_".
	Key string
	// Owner is the connection that may change it: at most 64 letters, digits, "-", "_" and ".".
	Owner string
	// Value is only known to the framework.
	Value []byte
}

// LogInbound is the framework's side of a [Log]: the Inbound that Start gets implements it.
type LogInbound interface {
	Inbound
	// Opened reports where the log starts and ends when Start, or a later attempt, connects first: the
	// offsets from base on are valid, and entries after last will be passed. Both are the same while there
	// is no message since the base. It is called once, before Link and ReceiveEntry.
	Opened(base, last uint64)
	// ReceiveEntry takes an entry, in order, and owns its bytes. It blocks while there is no room, until
	// ctx ends; then the entry was not taken. After an interruption the engine goes on after the last entry that was taken: if
	// the next one does not follow it, messages are lost.
	ReceiveEntry(ctx context.Context, e Entry) bool
}
