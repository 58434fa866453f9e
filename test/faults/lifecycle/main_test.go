// Package lifecycle_test lets applications meet what happens to processes: limits of
// the system, signals, starts that fail, stops that come too early.
package lifecycle_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

func TestMain(m *testing.M) { subprocess.Main(m) }
