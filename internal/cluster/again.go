package cluster

import (
	"errors"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// againPause is the time between two attempts to send a batch to a log.
const againPause = 100 * time.Millisecond

// again is the messages for a log that could not be sent: they are sent again before later ones, since the log refuses earlier
// numbers after later ones. It has one batch at most. Only the sender uses it.
type again struct {
	batch    []*backplane.Message
	due      time.Time // of the next attempt
	failures int       // so far
}

func (a *again) waits() bool { return len(a.batch) > 0 }

// take appends the batch to dst when it is due.
func (a *again) take(dst []*backplane.Message) []*backplane.Message {
	if !a.waits() || time.Now().Before(a.due) {
		return dst
	}
	dst = append(dst, a.batch...)
	a.batch = nil
	return dst
}

// failed handles a batch that was not sent, or perhaps not. Messages for a log are sent again, unless it is known that the log cannot have them:
// then their numbers are missing there, and the next batch says so.
func (c *Cluster) failed(batch []*backplane.Message, err error) {
	var ofLog []*backplane.Message
	for _, m := range batch {
		if c.out.ofLog(m) {
			ofLog = append(ofLog, m)
		}
	}
	switch {
	case len(ofLog) == 0:
		c.dropped(len(batch), err)
		return
	case errors.Is(err, backplane.ErrUncertain), errors.Is(err, envelope.ErrLimit), errors.Is(err, envelope.ErrInvalid):
		c.dropped(len(batch), err)
		c.out.notSent(firstOf(ofLog[0]))
		return
	}
	c.again.batch, c.again.due = ofLog, time.Now().Add(againPause)
	c.again.failures++
	time.AfterFunc(againPause, c.out.signal)
	if others := len(batch) - len(ofLog); others > 0 {
		c.dropped(others, err)
	}
	if k := c.againLog.Count(); k > 0 {
		c.log.Warn("the log has not accepted messages: they are sent again", "error", err, "messages", len(ofLog), "failures", k)
	}
}

// firstOf returns the number of a message; the first one of those whose place it takes.
func firstOf(m *backplane.Message) uint64 {
	if m.Kind == backplane.Lost {
		return m.Seq - uint64(m.Count) + 1
	}
	return m.Seq
}
