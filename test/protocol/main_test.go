// Package protocol_test holds our Socket.IO server against the documents of
// Engine.IO protocol 4 and Socket.IO protocol 5, and against the reference
// server on Node. Each case plays the same wire traffic against both and
// compares what came back; differences.go has those that are meant.
package protocol_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
