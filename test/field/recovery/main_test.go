// Package recovery_test loses connections of Socket.IO clients, many and under load, and reconnects them as
// socket.io-client does.
package recovery_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }
