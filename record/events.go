package record

import (
	"github.com/gatehouse-go/gatehouse/apptest"
)

// event waits for an event or a call of the application, and compares it.
func (x *playing) event(i int) bool {
	x.t.Helper()
	l := x.lines[i]
	c := x.open(l)
	if c == nil {
		return false
	}
	if l.Kind == KindCall && c.calls[l.Number] != nil {
		return true // its answer was recorded before it
	}
	var got *liveEvent
	var why string
	ended := false
	ok := x.live.wait(x.timeout, func() bool {
		got, why, ended = x.find(i)
		return got != nil || ended
	})
	switch {
	case got != nil:
		got.matched = true
		c.calls[l.Number] = got
		return true
	case !ok && why == "":
		return x.failf(l, "not sent %s within %v", l, x.timeout)
	default:
		return x.failf(l, "%s: %s", l.subject(), why)
	}
}

// find looks for the event that a line is about. final reports that no other one needs to be awaited; why is what differs.
// live.mu is held.
func (x *playing) find(i int) (found *liveEvent, why string, final bool) {
	l := x.lines[i]
	c := x.live.client(l.Client)
	for _, e := range c.events {
		if e.matched {
			continue
		}
		d := x.bound.match(l, e.Line)
		if d == "" {
			return e, "", true
		}
		if why == "" || e.Event == l.Event {
			why = d
		}
		if !x.loose[l] && !x.later(i, e.Line) {
			return nil, d, true
		}
	}
	if c.leave != nil && !x.leaves(i) {
		return nil, "not sent: the connection has ended (" + c.leave.Cause + ")", true
	}
	return nil, why, false
}

// lookahead is how many lines are searched for an event that has come sooner.
const lookahead = 500

// later reports whether an event may be that of a later line, whose order does not count.
func (x *playing) later(i int, e *Line) bool {
	for _, l := range x.lines[i+1 : min(len(x.lines), i+lookahead)] {
		if l.Client == x.lines[i].Client && x.loose[l] && x.bound.fits(l, e) {
			return true
		}
	}
	return false
}

// leaves reports whether the client has left before a line.
func (x *playing) leaves(i int) bool {
	for _, l := range x.lines[:i] {
		if l.Kind == KindLeave && l.Client == x.lines[i].Client {
			return true
		}
	}
	return false
}

// reply answers a call of the application.
func (x *playing) reply(i int) bool {
	x.t.Helper()
	l := x.lines[i]
	c := x.open(l)
	if c == nil {
		return false
	}
	call := c.calls[l.Number]
	for k := i + 1; call == nil && k < min(len(x.lines), i+lookahead); k++ { // the answer may be recorded before the call
		if next := x.lines[k]; next.Kind == KindCall && next.Client == l.Client && next.Number == l.Number {
			if !x.event(k) {
				return false
			}
			call = c.calls[l.Number]
		}
	}
	if call == nil {
		return x.failf(l, "cannot be played: the client answers a call that is not in the file")
	}
	args, ok := x.arguments(l)
	if !ok {
		return false
	}
	x.live.mu.Lock()
	before := x.live.client(l.Client).replies
	x.live.mu.Unlock()
	c.Answer(c.message(call), args...)
	return x.await(l, l.String()+" has not arrived", func(c *liveClient) bool { return c.replies > before || c.leave != nil })
}

// message returns the message that a call is.
func (c *played) message(call *liveEvent) apptest.Message {
	for len(c.received[call.Event]) <= call.nth {
		c.received[call.Event] = append(c.received[call.Event], c.ExpectMessage(call.Event))
	}
	return c.received[call.Event][call.nth]
}
