package gateway

import (
	"context"
	"errors"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// The next message of a client is not started while more than half of its send queue is
// used. Its inbox fills up meanwhile, and then the adapter stops reading, so that TCP, or
// the response to its POST, slows the client down.

// expired is a context that is done: Conn.Writable does not block with it.
var expired = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// awaitSendQueue blocks while a message waits and the client's send queue is over half
// full. It returns as well when the client has left or the application stops.
func (s *session) awaitSendQueue() {
	if err := s.conn.Writable(expired); err == nil || errors.Is(err, websockets.ErrClosed) {
		return
	}
	s.mu.Lock()
	if s.inbox.len() == 0 || !s.state.accepted() || s.state.leaving() || s.state.discards() {
		s.mu.Unlock()
		return
	}
	x := s.ensureExtra()
	if x.waitCtx == nil {
		x.waitCtx, x.endWait = context.WithCancel(context.Background())
	}
	ctx := x.waitCtx
	s.mu.Unlock()
	s.yield() // this may be the goroutine that reads
	_ = s.conn.Writable(ctx)
}

// releaseWaiting ends every awaitSendQueue for good; s.mu is held.
func (s *session) releaseWaiting() {
	if end := s.readExtra().endWait; end != nil {
		end()
	}
}
