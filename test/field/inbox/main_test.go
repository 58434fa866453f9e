// Package inbox_test sends messages that are small on the wire and large in memory to busy handlers, and checks how
// much memory the process holds.
package inbox_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
