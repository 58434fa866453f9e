// Package edge_test attacks the edge of the server: the addresses of clients, the number of connections, and what the
// log and the connection keep of a handshake.
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
