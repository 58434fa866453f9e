package access_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
)

// way and line add methods for these tests to those of package ways.
type (
	way  struct{ ways.Way }
	line struct{ *ways.Line }
)

var (
	socketIO = localWays(ways.SocketIO())
	own      = localWays(ways.Own())
)

func localWays(all []ways.Way) []way {
	local := make([]way, len(all))
	for i, w := range all {
		local[i] = way{w}
	}
	return local
}

// each runs a test once for each way, in parallel.
func each(t *testing.T, all []way, f func(t *testing.T, w way)) {
	t.Helper()
	for _, w := range all {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			f(t, w)
		})
	}
}

func (w way) dial(t *testing.T, s *stage.Stage, lines ...string) *line {
	t.Helper()
	return &line{w.Dial(t, s, lines...)}
}

// inTime fails the test when the count exceeds a bucket with that burst and one per second since the time.
func inTime(t *testing.T, what string, n, burst int, since time.Time) {
	t.Helper()
	if most := burst + int(time.Since(since)/time.Second); n > most {
		t.Errorf("%d %s, at most %d are allowed", n, what, most)
	}
}
