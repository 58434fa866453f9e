package gateway

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Upgraded implements [adapter.Session].
func (s *session) Upgraded() { s.ep.hooks.Upgraded(s) }

// Closed implements [adapter.Session].
func (s *session) Closed(r websockets.Reason) {
	s.mu.Lock()
	if s.state.cut {
		s.mu.Unlock()
		return
	}
	s.state.cut = true
	ended := s.state.ended
	s.mu.Unlock()
	if !ended {
		s.ep.hooks.Leaving(s, r)
	}
	if r.Cause == websockets.CauseServerDisconnect { // perhaps from another namespace of the connection
		s.disconnected.Store(true)
	}
	// Before leaving is set: from then on a handler that returns starts the end, and
	// HandleDisconnect must not find the client in its rooms.
	if s.record != nil {
		s.record.depart(false)
	}
	s.ep.remove(s)
	s.closed(r)
}

// closed starts the end of a client that has left its rooms. What it had sent is handled, for
// CloseTimeout at most; after a clean leave with a context that lives so long: applications
// save and close the page at once.
func (s *session) closed(r websockets.Reason) {
	s.hs.Connection.Left()
	s.mu.Lock()
	if !s.state.leaving() {
		s.ensureExtra().reason = r
	}
	s.advance(hooksRunning, inputClosed)
	if s.ep.dropAfterClose {
		s.discardInbox()
	}
	s.inbox.wake()
	s.releaseWaiting()
	s.watchLeft()
	lingers := r.Clean && (s.state.accepted() && s.draining > 0 || s.inbox.len() > 0 || s.nTasks > 0)
	s.mu.Unlock()
	s.Start() // the adapter may not come to the work that Receive has returned
	if lingers {
		s.endCalls()
		s.stopStreams(websockets.ErrClosed)
	} else {
		s.cancelCalls(websockets.ErrClosed)
	}
	s.mu.Lock()
	s.maybeEnd()
	s.mu.Unlock()
}

// drain ends the session for the application's stop: no further message is handled, but
// running handlers finish and HandleDisconnect runs before the connection is closed.
func (s *session) drain() {
	s.mu.Lock()
	if !s.state.leaving() && s.readExtra().reason == (websockets.Reason{}) { // otherwise the client was refused or disconnected
		s.ensureExtra().reason = websockets.Reason{Cause: websockets.CauseShutdown}
	}
	s.advance(hooksRunning, inputDropped)
	s.discardInbox()
	s.releaseWaiting()
	s.maybeEnd()
	s.mu.Unlock()
	s.stopStreams(errStopping)
}

// streamContext returns the context of the client's streams.
func (s *session) streamContext() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.ensureExtra()
	if x.streams == nil {
		x.streams, x.cancelStream = context.WithCancelCause(s.ctx)
		switch {
		case s.state.discards():
			x.cancelStream(errStopping)
		case s.state.leaving():
			x.cancelStream(websockets.ErrClosed)
		}
	}
	return x.streams
}

func (s *session) stopStreams(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.readExtra().cancelStream; cancel != nil {
		cancel(cause)
	}
}

// maybeEnd starts the end once nothing runs any more; s.mu is held.
func (s *session) maybeEnd() {
	if !s.state.leaving() || s.draining > 0 || s.inbox.len() > 0 || s.nTasks > 0 {
		return
	}
	if overdue := s.readExtra().overdue; overdue != nil && overdue.Stop() {
		s.cancel(websockets.ErrClosed) // everything is handled
	}
	if !s.state.ended {
		s.state.ended = true
		go s.end()
	}
}

func (s *session) end() {
	if s.record != nil {
		s.record.depart(s.mayResume())
	}
	if !s.parks() {
		s.ep.remove(s) // at a stop too HandleDisconnect runs after the client has left its rooms
	}
	s.mu.Lock()
	r, gateways := s.readExtra().reason, s.ep.gateways[:s.hooked]
	s.mu.Unlock()
	s.disconnectHooks(gateways, r)
}

func (s *session) disconnectHooks(gs []*boundGateway, r websockets.Reason) {
	for i, g := range gs {
		if g.onDisconnect != nil && !s.disconnectHook(&disconnecting{g, gs[i+1:], r}) {
			return // another goroutine goes on
		}
	}
	s.mu.Lock()
	cut, hooksDone := s.state.cut, s.suspended.hooksDone
	s.mu.Unlock()
	if hooksDone != nil {
		close(hooksDone)
	}
	if !cut {
		s.sendRetryAfter()
		s.conn.Close(r) // which suspends a client that is parked
	}
	s.cancelCalls(websockets.ErrClosed)
	s.mu.Lock()
	s.suspended.hooksOver = true
	over := !s.suspended.mayReturn
	s.mu.Unlock()
	if over {
		s.endValues()
	}
	s.ep.hooks.Disconnected(s, r, time.Since(s.connectedAt))
	s.ep.rt.exit(s)
}

// disconnectHook calls HandleDisconnect of a gateway. It reports whether the caller goes on.
func (s *session) disconnectHook(d *disconnecting) (goesOn bool) {
	s.hookStarted(d)
	returned := false
	defer func() {
		v := recover()
		if v != nil {
			_ = s.logError(s.ctx, recovered.New(v), d.gateway, "handleDisconnect")
		} else if !returned {
			_ = s.logError(s.ctx, errExited, d.gateway, "handleDisconnect")
		}
		goesOn = s.hookReturned(d)
		if v == nil && !returned && goesOn {
			go s.disconnectHooks(d.next, d.reason)
		}
	}()
	d.gateway.onDisconnect.HandleDisconnect(websockets.WithClient(s.ep.rt.ctx, s), s, d.reason)
	returned = true
	return true
}

// endValues closes the values that belonged to the client.
func (s *session) endValues() {
	s.hs.Values().End(func(v any) {
		if c, ok := v.(interface{ End(seal.Framework) }); ok {
			s.recoverUser("scoped", func() { c.End(framework) })
		}
	})
}

// dropped ends a suspended client that cannot be recovered any more.
func (s *session) dropped() {
	s.mu.Lock()
	s.suspended.mayReturn = false
	over := s.suspended.hooksOver
	s.mu.Unlock()
	if over {
		s.endValues()
	}
}

// recoverUser calls a function of the user, which may panic or end its goroutine; both are logged.
func (s *session) recoverUser(event string, f func()) {
	if err := recovered.Do(f); err != nil {
		_ = s.logError(s.ctx, err, nil, event)
	}
}
