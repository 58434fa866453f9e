// Package handlers_test lets the functions that users write go wrong in every way
// there is, and looks at what clients are told and whether anything is left.
package handlers_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
