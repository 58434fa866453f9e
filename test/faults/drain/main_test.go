// Package drain_test stops applications with very many clients.
//
// FAULTS_LONG=1 uses 5,000 clients of each platform instead of 250.
package drain_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

func TestMain(m *testing.M) { subprocess.Main(m) }

// clients is the number of clients of each platform.
func clients() int {
	if os.Getenv("FAULTS_LONG") != "" {
		return 5000
	}
	return 250
}
