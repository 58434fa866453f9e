package client_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or the server of TestStorm.
func TestMain(m *testing.M) {
	if addr := os.Getenv(serverAddress); addr != "" {
		serveUntilKilled(addr, os.Getenv(serverRecord))
	}
	goleak.VerifyTestMain(m)
}
