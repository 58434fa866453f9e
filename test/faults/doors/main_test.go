// Package doors_test sends bad handshakes of every kind: the WebSocket handshake of plain WebSocket and of Socket.IO,
// and polling.
package doors_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
