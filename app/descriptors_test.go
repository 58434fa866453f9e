package app

import (
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// exhausted is a listener of a process without descriptors.
type exhausted struct{ net.Listener }

func (exhausted) Accept() (net.Conn, error) {
	return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
}
func (exhausted) Addr() net.Addr { return &net.TCPAddr{Port: 3000} }

// TestField_X30_OutOfDescriptors: A process that has no file descriptor for a new connection logs an error that names
// the limit and the option, at most once a minute.
func TestField_X30_OutOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testkit.Log
		l := &watchedListener{Listener: exhausted{}, log: log.Logger(slog.LevelInfo)}
		for range 100 {
			if _, err := l.Accept(); err == nil {
				t.Fatal("accepted")
			}
		}
		<-time.After(time.Minute)
		_, _ = l.Accept()
		if lines := log.Lines("level=ERROR", "ulimit -n", "app.MaxConnections"); len(lines) != 2 || !strings.Contains(lines[1], "attempts=100") {
			t.Errorf("log: %q", log.String())
		}
	})
}
