// Package frames_test sends bad WebSocket frames to both platforms that speak in
// them, and ends connections in every way that there is.
package frames_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
