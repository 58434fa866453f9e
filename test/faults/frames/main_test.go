// Package frames_test sends invalid WebSocket frames to both platforms that use them, and ends connections in every
// way.
package frames_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
