// Package leaktest checks for leaked goroutines. It waits for those that end: on a loaded
// machine that takes seconds, and package goleak tries for half a second. Some timers of zishang's
// Socket.IO library outlive their connection until they fire: leaktest waits for them
// longer.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// grace is how long goroutines may take to end.
const grace = 10 * time.Second

// patience exceeds the library's longest timers: connect timeout 45 s, heartbeat 25 s
// and 20 s.
const patience = 60 * time.Second

// libraryTimer is the top function of a waiting timer.
const libraryTimer = "github.com/zishang520/socket.io/v3/pkg/utils.SetTimeout.func1"

// Runner is implemented by *testing.M.
type Runner interface{ Run() int }

// Main runs the tests and returns the exit status: that of the tests, or 1 if they pass
// and leak a goroutine.
func Main(m Runner) int { return mainWithin(m, grace) }

func mainWithin(m Runner, grace time.Duration) int {
	if code := m.Run(); code != 0 {
		return code
	}
	if err := find(grace, goleak.IgnoreTopFunction(libraryTimer)); err != nil {
		return failed(err)
	}
	if err := find(patience); err != nil {
		return failed(err)
	}
	return 0
}

// find waits until there are no goroutines but those that an option ignores. The error has those that are left.
func find(d time.Duration, opts ...goleak.Option) (err error) {
	testkit.Within(d, func() bool {
		err = goleak.Find(opts...)
		return err == nil
	})
	return err
}

// None fails a test if there are goroutines but those that an option ignores, such as
// goleak.IgnoreCurrent of its start. It waits for those that end.
func None(t testing.TB, opts ...goleak.Option) {
	t.Helper()
	noneWithin(t, grace, opts...)
}

func noneWithin(t testing.TB, grace time.Duration, opts ...goleak.Option) {
	t.Helper()
	if err := find(grace, opts...); err != nil {
		t.Errorf("leaked goroutines: %v", err)
	}
}

func failed(err error) int {
	_, _ = fmt.Fprintf(os.Stderr, "leaktest: leaked goroutines: %v\n", err)
	return 1
}
