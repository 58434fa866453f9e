package zishang

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// now is the time since the server was made: one since the start of the process would be negative in a bubble
// of testing/synctest.
func (s *server) now() int64 { return int64(time.Since(s.started)) }

// entered notes that the client is in a namespace.
func (l *link) entered(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.stay = l.asked.Entered(l.srv.now())
	if l.conns[c.nsp] != c || l.phase == linkClosed { // it has left again
		return
	}
	l.presence = inNamespace
	l.lonely.Stop()
	l.srv.outside.Remove(&l.outside)
}

// leftLast starts the time that the connection may be in no namespace. Only an entry
// that succeeds ends it. l.mu is held.
func (l *link) leftLast() {
	if l.phase == linkClosed {
		return
	}
	l.presence = min(l.presence, inNone)
	s := l.srv
	if l.lonely == nil {
		l.lonely = time.AfterFunc(s.opts.ConnectTimeout, func() { l.kill(forced("in no namespace")) })
	} else {
		l.lonely.Reset(s.opts.ConnectTimeout)
	}
	t := s.now()
	s.outside.Add(&l.outside, l, t)
	for {
		old, ok := s.outside.Over(s.opts.MaxConnecting, t)
		if !ok {
			return
		}
		s.tasks.start(func() { old.kill(forced("too many connections are in no namespace")) })
	}
}

func forced(text string) websockets.Reason {
	return websockets.Reason{Cause: websockets.CauseForcedClose, Text: text}
}

// betweenPolls is how long a client that behaves may be between two polls.
const betweenPolls = 5 * time.Second

// watchPolls notes whether the connection is a session without a poll, and closes
// those that have waited longest for a poll, where there are too many.
func (l *link) watchPolls() {
	s := l.srv
	polling := l.Transport().Name() == Polling
	t := s.now()
	l.mu.Lock()
	unpolled := polling && l.phase != linkClosed && l.poll == nil
	if unpolled {
		s.unpolled.Add(&l.unpolled, l, t)
	} else {
		s.unpolled.Remove(&l.unpolled)
	}
	l.mu.Unlock()
	for unpolled {
		old, ok := s.unpolled.Over(s.opts.MaxUnpolled, t-int64(min(betweenPolls, s.cfg.Limits.PingTimeout)))
		if !ok {
			return
		}
		old.kill(forced("too many sessions without a poll"))
	}
}

// countRefusal counts a refusal that the client is to blame for.
func (l *link) countRefusal() {
	l.mu.Lock()
	over := l.asked.Refused()
	l.mu.Unlock()
	if over {
		l.expel(websockets.Reason{Cause: websockets.CauseClientErrors, Text: "too many refused CONNECT packets in a row"})
	}
}

// disconnected counts a client that the server sends out of its namespace.
func (l *link) disconnected(c *conn) {
	l.mu.Lock()
	over := l.asked.Disconnected(c.stay, l.srv.now())
	l.mu.Unlock()
	if over {
		l.expel(websockets.Reason{Cause: websockets.CauseClientErrors, Text: "disconnected too often in a row"})
	}
}

// expel ends the connection when what waits has been sent. What the client sends
// meanwhile is dropped.
func (l *link) expel(r websockets.Reason) {
	l.mu.Lock()
	l.expelled = true
	if l.reason == nil {
		l.reason = &r
	}
	l.mu.Unlock()
	l.srv.tasks.start(func() {
		ctx, cancel := context.WithTimeout(l.ctx, l.srv.cfg.Limits.CloseTimeout)
		defer cancel()
		l.drain(ctx)
		l.sendCloseFrame(r)
		l.kill(r)
	})
}
