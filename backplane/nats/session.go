package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// session is one connection to NATS.
type session struct {
	e       *Engine
	nc      *nats.Conn
	conn    atomic.Pointer[conn] // below nc
	noNodes chan *nats.Msg       // what NATS reports of messages that no node received
	replyTo string               // subject of these reports, without their number
	closed  chan struct{}        // closed when nc is

	mu   sync.Mutex
	subs map[string]*nats.Subscription // of channels

	// gate is held while a frame is passed on.
	gate sync.Mutex
	over bool
}

// maxParts is how many frames a batch has at most.
const maxParts = backplane.MaxBatch

// open subscribes to the reports of messages that no node received.
func (s *session) open() error {
	own, err := subject(s.e.opts.prefix+"."+ownSubjects, "r:"+s.e.self)
	if err != nil {
		return err
	}
	s.replyTo = own + "."
	if _, err := s.nc.ChanSubscribe(s.replyTo+"*", s.noNodes); err != nil {
		return fmt.Errorf("%s: subscribe: %w", s.e.opts.target(), err)
	}
	return nil
}

// Subscribe implements [reconnect.Session].
func (s *session) Subscribe(ctx context.Context, channels []string) error {
	return s.confirm(ctx, func() error {
		for _, c := range channels {
			if err := s.add(c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *session) add(channel string) error {
	name, err := subject(s.e.opts.prefix, channel)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs[channel] != nil {
		return nil
	}
	sub, err := s.nc.Subscribe(name, func(m *nats.Msg) { s.receive(channel, m) })
	if err != nil {
		return err
	}
	s.subs[channel] = sub
	return sub.SetPendingLimits(pendingMessages, pendingBytes)
}

// unsubscribe ends subscriptions. What follows on the connection is handled by the server after it.
func (s *session) unsubscribe(channels []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range channels {
		if sub := s.subs[c]; sub != nil {
			_ = sub.Unsubscribe() // the connection is closed, then it has ended too
			delete(s.subs, c)
		}
	}
}

// receive passes a frame on. It is called by the goroutine of a subscription.
func (s *session) receive(channel string, m *nats.Msg) {
	s.gate.Lock()
	defer s.gate.Unlock()
	if !s.over {
		s.e.in.ReceiveFrame(channel, m.Data)
	}
}

// confirm calls write, and waits until the server has handled all that it has written. It returns
// when ctx ends: then a write that blocks ends the connection.
func (s *session) confirm(ctx context.Context, write func() error) error {
	ctx, cancel := context.WithTimeout(ctx, s.e.opts.client.Timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if c := s.conn.Load(); c.writing.Load() {
			_ = c.Close()
		}
	})
	defer stop()
	before := s.nc.LastError()
	err := write()
	if err == nil {
		err = s.nc.FlushWithContext(ctx)
	}
	if err == nil {
		// A refused subject is an error before the confirmation.
		if last := s.nc.LastError(); last != before && errors.Is(last, nats.ErrPermissionViolation) { //nolint:errorlint // whether it is another one
			return fmt.Errorf("%s: %w: allow the user to publish and subscribe to %s.>", s.e.opts.target(), last, s.e.opts.prefix)
		}
		return nil
	}
	switch {
	case s.e.loop.Context().Err() != nil:
		return ErrStopped
	case errors.Is(err, nats.ErrConnectionClosed):
		return fmt.Errorf("%s: %w", s.e.opts.target(), ErrNotConnected)
	case ctx.Err() != nil:
		return fmt.Errorf("%s does not respond: %w", s.e.opts.target(), context.Cause(ctx))
	}
	return fmt.Errorf("%s: %w", s.e.opts.target(), err)
}

// Ended implements [reconnect.Session].
func (s *session) Ended() error {
	select {
	case <-s.closed:
		return s.why()
	default:
		return nil
	}
}

// Abort implements [reconnect.Session]: what is not sent yet is dropped.
func (s *session) Abort(error) {
	_ = s.conn.Load().Close()
	s.nc.Close()
}

// Wait implements [reconnect.Session].
func (s *session) Wait() error {
	<-s.closed
	s.gate.Lock()
	s.over = true
	s.gate.Unlock()
	s.conn.Load().release()
	return s.why()
}

// why returns why the connection is closed.
func (s *session) why() error {
	err := s.nc.LastError()
	if err == nil {
		err = ErrNotConnected
	}
	return fmt.Errorf("%s: %w", s.e.opts.target(), err)
}
