// Package audit_test combines conditions that other tests of access, data and connections try one at a time, on every
// platform, transport and parser.
package audit_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Timers of zishang's Socket.IO library sometimes outlive their connection.
const libraryTimers = "github.com/zishang520/socket.io/v3/pkg/utils."

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction(libraryTimers+"SetInterval.func1"), goleak.IgnoreTopFunction(libraryTimers+"SetTimeout.func1"))
}
