// Package entries bounds how often one Socket.IO connection asks for namespaces, and how
// often in a row it is refused there.
package entries

import "time"

const (
	// Spare is how many CONNECT packets a connection may send at once beyond one for
	// each namespace that it may be in.
	Spare = 20
	// Interval is after how long it may send one more.
	Interval = time.Second
	// MaxRefusals is how many refusals in a row end a connection.
	MaxRefusals = 5
	// brief is how long a client that the server disconnects must have been in for its
	// entry to count as a success.
	brief = 10 * time.Second
)

// Log is what a connection has asked for. The zero value is that of a new one. Times
// are nanoseconds of any clock. It is not safe for concurrent use.
type Log struct {
	next    int64 // when the budget is full again
	refused int   // in a row
}

// Ask takes a CONNECT packet out of the budget, and reports whether there was one
// left: burst at once, then one for each Interval.
func (l *Log) Ask(now int64, burst int) bool {
	next := max(l.next, now) + int64(Interval)
	if next-now > int64(burst)*int64(Interval) {
		return false
	}
	l.next = next
	return true
}

// Refused counts a refusal, and reports whether it is one too many.
func (l *Log) Refused() bool {
	l.refused++
	return l.refused >= MaxRefusals
}

// Stay is an entry that succeeded.
type Stay struct {
	refused int // in a row before it
	at      int64
}

// Entered notes a success, which ends a row of refusals.
func (l *Log) Entered(now int64) Stay {
	s := Stay{l.refused, now}
	l.refused = 0
	return s
}

// Disconnected notes that the server has ended a stay, and reports whether that is one
// refusal too many: it is one of the row before the stay, unless that has lasted.
func (l *Log) Disconnected(s Stay, now int64) bool {
	if now-s.at > int64(brief) {
		s.refused = 0
	}
	l.refused = max(l.refused, s.refused+1)
	return l.refused >= MaxRefusals
}
