// Package audit_test combines what other tests of access, data and connections try one at a
// time, on every platform, transport and parser.
package audit_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
