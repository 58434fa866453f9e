// Package packets_test attacks with packets of Socket.IO, and with payloads that
// plain WebSocket takes too: what is no packet, points nowhere, or is too much.
package packets_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }
