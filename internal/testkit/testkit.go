// Package testkit has what the tests of many packages need: waiting for a condition or a
// value, a log that may be read while others write it, and a listener in memory. Clients that
// write any bytes are in package rawpeer, servers for them in rawpeer/stage.
package testkit

import (
	"testing"
	"time"
)

// Patience limits every wait of a test. Only failing tests wait that long.
const Patience = time.Minute

// Receive returns the next value of a channel, or the zero value when the channel is closed. It
// fails the test after [Patience]; what names the value in the failure.
func Receive[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	select {
	case v = <-c:
	case <-late.C:
		t.Fatalf("timed out waiting for %s", what)
	}
	return v
}

// Eventually waits until a condition is true, and fails the test after [Patience]. It is for
// conditions that send no signal; what describes the condition in the failure.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	if !Within(Patience, cond) {
		t.Fatalf("timed out waiting for %s", what)
	}
}

// Within checks a condition every millisecond until it is true, and at the latest after d. It
// reports whether the condition became true.
func Within(d time.Duration, cond func() bool) bool {
	return WithinEvery(time.Millisecond, d, cond)
}

// WithinEvery is [Within] with an interval, for conditions that are expensive to check.
func WithinEvery(interval, d time.Duration, cond func() bool) bool {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	late := time.NewTimer(d)
	defer late.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-late.C:
			return cond()
		}
	}
	return true
}
