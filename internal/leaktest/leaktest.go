// Package leaktest checks for leaked goroutines in packages that use zishang's
// Socket.IO library. Some of the library's timers outlive their connection until they
// fire: leaktest waits for them, and reports any other goroutine at once.
package leaktest

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/goleak"
)

// patience exceeds the library's longest timers: connect timeout 45 s, heartbeat 25 s
// and 20 s.
const patience = 60 * time.Second

// libraryTimer is the top function of a waiting timer.
const libraryTimer = "github.com/zishang520/socket.io/v3/pkg/utils.SetTimeout.func1"

// Runner is implemented by *testing.M.
type Runner interface{ Run() int }

// Main runs the tests and returns the exit status: that of the tests, or 1 if they pass
// and leak a goroutine.
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
	_, _ = fmt.Fprintf(os.Stderr, "leaktest: leaked goroutines: %v\n", err)
	return 1
}
