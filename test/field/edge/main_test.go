// Package edge_test attacks the edge of the server: who a client is, how many
// connections there may be, what the log and the handshake keep of it.
package edge_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) {
	if percent := os.Getenv(memoryProgram); percent != "" {
		serveMemory(percent)
		return
	}
	os.Exit(leaktest.Main(m))
}
