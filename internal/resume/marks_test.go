package resume

import (
	"testing"
	"time"
)

// What was sent is known to be old after its age, and a quarter of it more at the most.
func TestMarks(t *testing.T) {
	const age = 80 * time.Second
	var m marks
	kept, oldest := 0, time.Duration(0)
	for now := time.Second; now < 20*time.Minute; now += time.Second { // one event per second
		kept++
		if kept == 1 {
			oldest = now
		}
		n := m.before(int64(now - age))
		if n > kept {
			t.Fatalf("%d of %d are old", n, kept)
		}
		kept -= n
		m.dropped += uint64(n)
		oldest += time.Duration(n) * time.Second
		if n > 0 && oldest <= now-age-time.Second && now-oldest > age+age/4+2*time.Second {
			t.Errorf("after %v one of %v ago is kept", now, now-oldest)
		}
		if now-oldest < age-age/4 && n > 0 {
			t.Errorf("after %v all up to %v ago are dropped", now, now-oldest)
		}
		if m.due(int64(now), age) {
			m.add(int64(now), kept)
		}
	}
	if kept < 80 || kept > 102 {
		t.Errorf("%d events are kept", kept)
	}
}
