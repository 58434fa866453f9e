package app

import (
	"errors"
	"log/slog"
	"net"
	"syscall"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
)

// watchedListener logs when the process has no file descriptor for another connection, at most
// once a minute. net/http tries again, and its own line is at level debug.
type watchedListener struct {
	net.Listener

	log *slog.Logger
	out logsample.Minute
}

// Accept implements [net.Listener].
func (l *watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		if n := l.out.Count(); n > 0 {
			l.log.Error("out of file descriptors: new connections wait; raise the limit (ulimit -n), or lower app.MaxConnections",
				"address", l.Addr().String(), "error", err, "attempts", n)
		}
	}
	return c, err
}
