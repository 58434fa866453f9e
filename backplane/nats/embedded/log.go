package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
)

// serverLog is the log of the server.
type serverLog struct {
	log    *slog.Logger
	secret string
	fatal  atomic.Pointer[string] // why the server has not started

	mu      sync.Mutex
	samples map[string]*logsample.Minute // by kind
}

// debug reports whether the debug lines of the server are wanted.
func (l *serverLog) debug() bool { return l.log.Enabled(context.Background(), slog.LevelDebug) }

// ready waits until the server has started, and reports whether it has, within openWait.
func (l *serverLog) ready(srv *server.Server) bool {
	for limit := time.Now().Add(openWait); time.Now().Before(limit) && l.fatal.Load() == nil; <-time.After(readyEvery) {
		if srv.ReadyForConnections(readyEvery) { // its own waits have 25 ms
			return true
		}
	}
	return false
}

// readyEvery is how often it is looked at whether the server has started.
const readyEvery = time.Millisecond

// text returns a line without the secret, which is in URLs.
func (l *serverLog) text(format string, v []any) string {
	text := fmt.Sprintf(format, v...)
	if l.secret == "" {
		return text
	}
	text = strings.ReplaceAll(text, url.UserPassword(routeUser, l.secret).String()+"@", "")
	return strings.ReplaceAll(text, l.secret, "xxxxx")
}

// about is what differs in formats of one kind: the server writes the address and the number of a
// connection into the format, and what the other side calls itself.
var about = regexp.MustCompile(`^.*? - [a-z]+:\d+|"(?:[^"\\]|\\.)*"|\d+`)

// sampled writes a line, at most one of a kind each minute.
func (l *serverLog) sampled(level slog.Level, format string, v []any) {
	kind := about.ReplaceAllString(format, "")
	l.mu.Lock()
	s := l.samples[kind]
	if s == nil {
		if l.samples == nil || len(l.samples) > maxKinds {
			l.samples = map[string]*logsample.Minute{}
		}
		s = &logsample.Minute{}
		l.samples[kind] = s
	}
	l.mu.Unlock()
	if n := s.Count(); n > 0 {
		l.log.Log(context.Background(), level, "NATS server: "+l.text(format, v), "times", n)
	}
}

// maxKinds is more than the server has.
const maxKinds = 1000

// Noticef implements server.Logger: it is what goes well.
func (l *serverLog) Noticef(format string, v ...any) { l.Debugf(format, v...) }

// Debugf implements server.Logger.
func (l *serverLog) Debugf(format string, v ...any) {
	if l.debug() {
		l.log.Debug("NATS server: " + l.text(format, v))
	}
}

// Tracef implements server.Logger.
func (l *serverLog) Tracef(format string, v ...any) { l.Debugf(format, v...) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) { l.sampled(slog.LevelWarn, format, v) }

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, v ...any) {
	attempt, cause, is := failedAttempt(format, v)
	switch {
	case !is:
		l.sampled(slog.LevelError, format, v)
	case attempt == reportAttempts:
		l.log.Warn("another node cannot be reached: it is tried again each second: start it, open its port to this node, or correct Peers", "error", l.text("%v", []any{cause}))
	default:
		l.Debugf(format, v...)
	}
}

// failedAttempt returns what the server reports about an attempt to connect to another node.
func failedAttempt(format string, v []any) (attempt int, cause any, is bool) {
	if !strings.HasPrefix(format, "Error trying to connect to route") || len(v) != 2 {
		return 0, nil, false
	}
	attempt, is = v[0].(int)
	return attempt, v[1], is
}

// Fatalf implements server.Logger. It does not end the process: Start returns the reason.
func (l *serverLog) Fatalf(format string, v ...any) {
	reason := l.text(format, v)
	l.fatal.CompareAndSwap(nil, &reason)
	l.sampled(slog.LevelError, format, v)
}
