// Package inbox_test sends what is small on the wire and large in memory to handlers that
// are busy, and looks at how much the process holds.
package inbox_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
