// Package packets_test sends malicious Socket.IO packets, and payloads that also apply to plain WebSocket: malformed,
// with invalid references, or too large.
package packets_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }
