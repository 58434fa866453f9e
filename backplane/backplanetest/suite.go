// Package backplanetest is the conformance suite of engines: a test of an engine calls [Run].
//
//	func TestConformance(t *testing.T) {
//		backplanetest.Run(t, func(t testing.TB) backplanetest.Factory {
//			bus := memory.NewBus()
//			return backplanetest.Factory{New: func() backplane.Backplane { return bus.Node() }, Down: bus.Down, Up: bus.Up}
//		})
//	}
//
// It holds engines to the contract of [backplane.Backplane], and of [backplane.Log] where they implement it. Tests of what the traits of an
// engine exclude are not run; nor is the suite for engines with Traits.Foreign, whose messages
// change on the way.
package backplanetest

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Factory makes the engines of one test. They share a service, which no other test uses.
type Factory struct {
	// New returns the engine of one node, not started.
	New func() backplane.Backplane
	// Down makes the service unreachable for all nodes, also for those made later; Up ends
	// that. Without them, the tests of lost connections are not run.
	Down, Up func()
	// Freeze has the service accept nothing and answer nothing, while connections stay; Thaw
	// ends that. Without them, the tests of a service that does not respond are not run.
	Freeze, Thaw func()
	// Forget has the service of a [backplane.Log] lose all that it keeps, and Trim all entries, while connections stay. Without
	// them, the tests of such losses are not run.
	Forget, Trim func()
}

// Run tests an engine, with a subtest for each rule. newFactory is called for each subtest.
func Run(t *testing.T, newFactory func(t testing.TB) Factory) {
	t.Helper()
	for _, x := range tests() {
		t.Run(x.name, func(t *testing.T) {
			s := &suite{TB: t, factory: newFactory(t), patience: testkit.Patience}
			if reason := s.excluded(x); reason != "" {
				t.Logf("not run: %s", reason)
				return
			}
			x.run(s)
		})
	}
}

// needs is what a test requires of an engine.
type needs uint8

const (
	needsOutage needs = 1 << iota
	needsFreeze
	needsInterest
	needsDirect
	needsReceipts
	needsMaxBytes
	needsLog
	needsLoss
)

type test struct {
	name  string
	needs needs
	run   func(s *suite)
}

// suite is one test with one factory.
type suite struct {
	testing.TB

	factory  Factory
	patience time.Duration // bounds every wait
	made     int
}

// isLog reports whether the engine keeps events.
func (s *suite) isLog() bool {
	_, is := s.factory.New().(backplane.Log)
	return is
}

// excluded returns why a test is not run; "" if it is.
func (s *suite) excluded(x test) string {
	traits := s.factory.New().Traits()
	for _, c := range []struct {
		need    needs
		has     bool
		missing string
	}{
		{needsOutage, s.factory.Down != nil && s.factory.Up != nil, "Factory.Down and Up are nil"},
		{needsFreeze, s.factory.Freeze != nil && s.factory.Thaw != nil, "Factory.Freeze and Thaw are nil"},
		{needsInterest, traits.Interest, "Traits.Interest is false"},
		{needsDirect, traits.Direct, "Traits.Direct is false"},
		{needsReceipts, traits.Receipts, "Traits.Receipts is false"},
		{needsMaxBytes, traits.MaxBytes > 0, "Traits.MaxBytes is 0"},
		{needsLog, s.isLog(), "the engine is no backplane.Log"},
		{needsLoss, s.factory.Forget != nil && s.factory.Trim != nil, "Factory.Forget and Trim are nil"},
		{0, !traits.Foreign, "Traits.Foreign is true"},
	} {
		if (c.need == 0 || x.needs&c.need != 0) && !c.has {
			return c.missing
		}
	}
	return ""
}

func tests() []test {
	return []test{
		{"Traits and Name are constant", 0, testConstant},
		{"Start has called Link when it returns", 0, testStartLinks},
		{"a message reaches the other nodes once and unchanged", 0, testUnchanged},
		{"messages of a channel keep their order", 0, testOrder},
		{"a batch may be as large as the bounds", 0, testBounds},
		{"a message may have MaxBytes, and no more", needsMaxBytes, testMaxBytes},
		{"the batch may change when Send has returned", 0, testBatchReused},
		{"each node owns the bytes that it receives", 0, testBytesOwned},
		{"a node's own messages return with Loopback only", 0, testLoopback},
		{"a node receives the channels of Interest", needsInterest, testInterest},
		{"To reaches that node alone", needsDirect, testDirect},
		{"NoNode reports that no node received it", needsReceipts, testNoNode},
		{"calls of one channel do not overlap", 0, testOneAtATime},
		{"an application starts without the service", needsOutage, testDegraded},
		{"the engine reconnects, and receives again", needsOutage, testReconnect},
		{"Send ends with its context", needsFreeze, testSendEnds},
		{"Stop ends a Send that waits", needsFreeze, testStopWhileFrozen},
		{"what Send has accepted arrives after Stop", 0, testStopFlushes},
		{"nothing is called after Stop", 0, testStopEnds},
		{"Stop may be called at any time", 0, testStopAnyTime},
		{"Stop without the service", needsOutage, testStopWhileDown},

		{"all nodes receive the same entries at the same dense positions", needsLog, testLogOrder},
		{"a node that starts later continues after the last position", needsLog, testLogLate},
		{"the log waits for room", needsLog, testLogRoom},
		{"Stop ends ReceiveEntry", needsLog, testLogStop},
		{"Read returns the entries that were received", needsLog, testLogRead},
		{"what is sent again is appended once", needsLog, testLogAgain},
		{"an outage loses no position without a new base", needsLog | needsOutage, testLogOutage},
		{"a log that was lost has a new base", needsLog | needsLoss, testLogLoss},
		{"a trimmed log is a jump of the positions", needsLog | needsLoss, testLogTrim},
		{"a program that is no node only sends", needsLog, testEmitter},
		{"records have one owner", needsLog, testRecords},
		{"concurrent calls of Take form a chain", needsLog, testTakeOnce},
		{"records expire", needsLog, testExpiry},
	}
}
