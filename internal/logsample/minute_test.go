package logsample

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Minute
		for _, want := range []int{1, 0, 0} {
			if n := m.Count(); n != want {
				t.Errorf("%d, want %d", n, want)
			}
		}
		<-time.After(time.Minute)
		if n := m.Count(); n != 3 {
			t.Errorf("%d after a minute, want 3", n)
		}
	})
}
