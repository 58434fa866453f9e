package client

import (
	"context"
	"time"
)

// noteReceived records that something was received from the server.
func (l *link) noteReceived() { l.receivedAt.Store(int64(time.Since(l.epoch))) }

// quiet returns how long the server is silent.
func (l *link) quiet() time.Duration { return time.Since(l.epoch) - time.Duration(l.receivedAt.Load()) }

// watch loses the connection when the server is silent for too long.
func (l *link) watch() {
	t := time.NewTimer(l.opts.PingInterval)
	defer t.Stop()
	wait := func(d time.Duration) bool {
		t.Reset(d)
		select {
		case <-t.C:
			return true
		case <-l.done:
			return false
		}
	}
	for next := l.opts.PingInterval; wait(next); {
		if l.paused.Load() {
			next = l.opts.PingInterval
			continue
		}
		if next = l.opts.PingInterval - l.quiet(); next > 0 {
			continue
		}
		before, asked := l.receivedAt.Load(), time.Now()
		if !l.writing.Load() { // else the server does not even read
			ctx, cancel := context.WithTimeout(l.ctx, l.opts.PingTimeout)
			if l.ws.Ping(ctx) == nil {
				l.noteReceived()
			}
			cancel()
		}
		if rest := l.opts.PingTimeout - time.Since(asked); rest > 0 && l.receivedAt.Load() == before && !wait(rest) {
			return
		}
		if l.receivedAt.Load() == before && !l.paused.Load() {
			l.lost(errSilent, false)
			l.drop()
			return
		}
		next = l.opts.PingInterval
	}
}
