// Package slow_test has clients that read slowly or not at all, or disappear silently.
//
// FAULTS_LONG=1 uses 1,000 clients in the room instead of 150, and limits the ratio to 1.2.
package slow_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func long() bool { return os.Getenv("FAULTS_LONG") != "" }
