// Package slow_test has clients that read slowly, not at all, or are not there any
// more without anybody having said so.
//
// FAULTS_LONG=1 puts 1,000 clients into the room instead of 150, and holds the ratio
// to 1.2.
package slow_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func long() bool { return os.Getenv("FAULTS_LONG") != "" }
