package entries_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/entries"
)

func TestBudget(t *testing.T) {
	var l entries.Log
	const burst = 3
	now := int64(time.Hour)
	for range burst {
		if !l.Ask(now, burst) {
			t.Fatal("the burst was refused")
		}
	}
	for range 2 {
		if l.Ask(now+int64(entries.Interval)-1, burst) {
			t.Fatal("one more than the burst passed")
		}
	}
	now += int64(entries.Interval)
	if !l.Ask(now, burst) || l.Ask(now, burst) {
		t.Fatal("after an interval there is one more, and only one")
	}
	now += int64(time.Hour)
	for range burst {
		if !l.Ask(now, burst) {
			t.Fatal("after a pause the burst was refused")
		}
	}
	if l.Ask(now, burst) {
		t.Fatal("a pause is worth more than the burst")
	}
}

func TestRefusalsInARow(t *testing.T) {
	var l entries.Log
	refuse := func(n int) {
		t.Helper()
		for range n {
			if l.Refused() {
				t.Fatal("too many refusals too early")
			}
		}
	}
	refuse(entries.MaxRefusals - 1)
	s := l.Entered(0)
	refuse(entries.MaxRefusals - 1)
	if !l.Refused() {
		t.Fatal("refusals in a row have no end")
	}
	if l.Disconnected(s, int64(time.Hour)) == false {
		t.Fatal("what is over stays over")
	}
}

func TestDisconnectedInARow(t *testing.T) {
	var l entries.Log
	for n := 1; n <= entries.MaxRefusals; n++ {
		if over := l.Disconnected(l.Entered(0), int64(time.Second)); over != (n == entries.MaxRefusals) {
			t.Fatalf("over after %d", n)
		}
	}
	l = entries.Log{}
	for range 10 * entries.MaxRefusals {
		if l.Disconnected(l.Entered(0), int64(time.Minute)) {
			t.Fatal("clients that were in for long were counted in a row")
		}
	}
	l = entries.Log{}
	stays := make([]entries.Stay, 10)
	for i := range stays {
		stays[i] = l.Entered(0)
	}
	for _, s := range stays { // of several namespaces at once
		if l.Disconnected(s, 1) {
			t.Fatal("namespaces that were entered before were counted in a row")
		}
	}
}
