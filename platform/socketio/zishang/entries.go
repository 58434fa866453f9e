package zishang

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/entries"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var started = time.Now()

// now is the time for [entries.Log].
func now() int64 { return int64(time.Since(started)) }

// entered notes that the client is in a namespace.
func (l *link) entered() entries.Stay {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked.Entered(now())
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
	over := l.asked.Disconnected(c.stay, now())
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
		l.farewell(r)
		l.kill(r)
	})
}
