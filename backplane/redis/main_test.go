package redis_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

// The client of a cluster closes a connection that it has replaced 5 s later, for which leaktest waits.
func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }
