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
			t.Fatal("a packet within the burst was refused")
		}
	}
	for range 2 {
		if l.Ask(now+int64(entries.Interval)-1, burst) {
			t.Fatal("a packet beyond the burst was allowed")
		}
	}
	now += int64(entries.Interval)
	if !l.Ask(now, burst) || l.Ask(now, burst) {
		t.Fatal("want exactly one more packet after an interval")
	}
	now += int64(time.Hour)
	for range burst {
		if !l.Ask(now, burst) {
			t.Fatal("a packet within the burst was refused after a pause")
		}
	}
	if l.Ask(now, burst) {
		t.Fatal("a pause allowed more than the burst")
	}
}

func TestRefused(t *testing.T) {
	var l entries.Log
	refuse := func(n int) {
		t.Helper()
		for range n {
			if l.Refused() {
				t.Fatal("closed before MaxRefusals")
			}
		}
	}
	refuse(entries.MaxRefusals - 1)
	s := l.Entered(0)
	refuse(entries.MaxRefusals - 1)
	if !l.Refused() {
		t.Fatal("not closed after MaxRefusals")
	}
	if l.Disconnected(s, int64(time.Hour)) == false {
		t.Fatal("a long stay reset the count of later requests")
	}
}

func TestDisconnected(t *testing.T) {
	var l entries.Log
	for n := 1; n <= entries.MaxRefusals; n++ {
		if closed := l.Disconnected(l.Entered(0), int64(time.Second)); closed != (n == entries.MaxRefusals) {
			t.Fatalf("after %d short stays: closed %t", n, closed)
		}
	}
	l = entries.Log{}
	for range 10 * entries.MaxRefusals {
		if l.Disconnected(l.Entered(0), int64(time.Minute)) {
			t.Fatal("long stays were counted as refused")
		}
	}
	l = entries.Log{}
	stays := make([]entries.Stay, 10)
	for i := range stays {
		stays[i] = l.Entered(0)
	}
	for _, s := range stays { // in several namespaces at once
		if l.Disconnected(s, 1) {
			t.Fatal("parallel stays were counted in a row")
		}
	}
}
