// Package handlers_test makes users' functions fail in every way, and checks what clients receive and whether
// anything is left.
package handlers_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
