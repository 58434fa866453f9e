package zishang

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m) // nothing is ignored: the library's timers end with their connections
}
