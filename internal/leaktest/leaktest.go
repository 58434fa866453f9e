// Package leaktest checks that tests leave no goroutine, where the Socket.IO
// library takes part: now and then one of its timers outlives its connection,
// until it fires. Those are waited for, everything else fails at once.
package leaktest

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/goleak"
)

// patience is longer than the library's longest timer: its connect timeout of
// 45 s, and its heartbeat of 25 s and 20 s.
const patience = 60 * time.Second

// libraryTimer is the goroutine of a timer that has not fired.
const libraryTimer = "github.com/zishang520/socket.io/v3/pkg/utils.SetTimeout.func1"

// Runner is a *testing.M.
type Runner interface{ Run() int }

// Main runs the tests and gives the exit status: that of the tests, or 1 when
// they passed and left a goroutine.
func Main(m Runner) int {
	if code := m.Run(); code != 0 {
		return code
	}
	if err := goleak.Find(goleak.IgnoreTopFunction(libraryTimer)); err != nil {
		return failed(err)
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		err := goleak.Find() // tries for about a second
		if err == nil {
			return 0
		}
		select {
		case <-deadline.C:
			return failed(err)
		default:
		}
	}
}

func failed(err error) int {
	_, _ = fmt.Fprintf(os.Stderr, "leaktest: the tests left goroutines: %v\n", err)
	return 1
}
