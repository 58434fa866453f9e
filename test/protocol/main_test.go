// Package protocol_test compares our Socket.IO server with the specifications of Engine.IO
// protocol 4 and Socket.IO protocol 5, and with the reference server on Node. Each case plays the
// same traffic against both and compares the transcripts; differences_test.go has the intended
// differences.
package protocol_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "16") // most of them wait for timers
	goleak.VerifyTestMain(m)
}
