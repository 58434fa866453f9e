// Package entries limits how often one Socket.IO connection may request namespaces, and
// how many requests in a row may fail.
package entries

import "time"

const (
	// Spare is the number of CONNECT packets that a connection may send at once, in
	// addition to one per namespace that it may be in.
	Spare = 20
	// Interval is the time after which the connection may send one more.
	Interval = time.Second
	// MaxRefusals is the number of refused requests in a row that ends a connection.
	MaxRefusals = 5
	// minStay is how long a client must stay in a namespace before the server may
	// disconnect it without counting that as refused.
	minStay = 10 * time.Second
)

// Log tracks the namespace requests of one connection. Times are nanoseconds of any
// clock. The zero value is ready to use. It is not safe for concurrent use.
type Log struct {
	next    int64 // when the budget is full again
	refused int   // in a row
}

// Ask spends one CONNECT packet of the budget, and reports whether the budget allowed
// it. The budget is burst packets at once, then one per Interval.
func (l *Log) Ask(now int64, burst int) bool {
	next := max(l.next, now) + int64(Interval)
	if next-now > int64(burst)*int64(Interval) {
		return false
	}
	l.next = next
	return true
}

// Refused counts a refused request, and reports whether the connection must be closed.
func (l *Log) Refused() bool {
	l.refused++
	return l.refused >= MaxRefusals
}

// Stay is the time that a client spends in a namespace.
type Stay struct {
	refused int // requests refused in a row before it
	at      int64
}

// Entered records a successful request, which resets the count of refused ones.
func (l *Log) Entered(now int64) Stay {
	s := Stay{l.refused, now}
	l.refused = 0
	return s
}

// Disconnected records that the server disconnected the client from a namespace, and
// reports whether the connection must be closed. A disconnect soon after entering
// continues the count of refused requests from before the stay.
func (l *Log) Disconnected(s Stay, now int64) bool {
	if now-s.at > int64(minStay) {
		s.refused = 0
	}
	l.refused = max(l.refused, s.refused+1)
	return l.refused >= MaxRefusals
}
