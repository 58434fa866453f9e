// Package doors_test knocks in every bad way at what a client comes in by: the
// WebSocket handshake of plain WebSocket and of Socket.IO, and polling.
package doors_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
