// Package lifecycle_test tests applications against events of processes: system limits, signals, starts that fail,
// stops that come too early.
package lifecycle_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

func TestMain(m *testing.M) { subprocess.Main(m) }
