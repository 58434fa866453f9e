package engineio

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Answers to heartbeats are no traffic: they neither keep a connection from being parked nor
// keep it awake.
func TestHeartbeatsOfParkedSession(t *testing.T) {
	r := newTestServer(t, func(c *Config) {
		c.Limits.PingInterval, c.Limits.PingTimeout = 20*time.Millisecond, testkit.Patience
		c.Limits.IdleAfter = 200 * time.Millisecond
	}, nil)
	w, h := r.peer()
	w.send("4hello")
	h.wantMessage(t, "hello")
	conn := h.session.current()
	for parked, start := 0, time.Now(); parked < 3; {
		w.wantPing()
		if conn.Parked() {
			parked++
		}
		w.send("3")
		if time.Since(start) > testkit.Patience {
			t.Fatalf("parked at %d pings", parked)
		}
	}
	w.send("4still here")
	h.wantMessage(t, "still here")
	if len(h.closed) > 0 {
		t.Fatal(<-h.closed)
	}
}
