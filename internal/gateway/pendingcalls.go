package gateway

import "github.com/gatehouse-go/gatehouse/websockets"

// maxCalls is how many calls of a client may wait for an answer.
const maxCalls = 1024

// pendingCalls are the calls of a client that wait for its answers. The zero value is ready
// to use. Guarded by session.mu.
type pendingCalls struct {
	byID       map[uint64]pendingCall
	last       uint64 // id of the last call
	unanswered int    // calls that were removed, and whose answers may arrive
	closed     bool   // no call is answered any more
}

// pendingCall waits for a client's answer. One of its methods is called, once.
type pendingCall interface {
	answer(p websockets.Payload)
	cancel() // the client has left
}

// add registers a call under a new id. Errors: ErrClosed, ErrTooManyCalls.
func (c *pendingCalls) add(w pendingCall) (id uint64, err error) {
	switch {
	case c.closed:
		return 0, websockets.ErrClosed
	case len(c.byID) >= maxCalls:
		return 0, websockets.ErrTooManyCalls
	case c.byID == nil:
		c.byID = map[uint64]pendingCall{}
	}
	c.last++
	c.byID[c.last] = w
	return c.last, nil
}

// remove removes a call that has not been answered.
func (c *pendingCalls) remove(id uint64) {
	if _, ok := c.byID[id]; ok {
		delete(c.byID, id)
		c.unanswered++ // the answer may still arrive
	}
}

// take removes the call that an answer is for. known is false for an answer that nothing has
// asked for; answers to removed calls are known.
func (c *pendingCalls) take(id uint64) (w pendingCall, known bool) {
	if w = c.byID[id]; w != nil {
		delete(c.byID, id)
		return w, true
	}
	if c.unanswered > 0 {
		c.unanswered--
		return nil, true
	}
	return nil, c.closed
}

// close refuses further calls and returns those that wait.
func (c *pendingCalls) close() map[uint64]pendingCall {
	calls := c.byID
	c.byID, c.closed = nil, true
	return calls
}
