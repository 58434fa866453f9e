// Package pipeline_test tests guards, interceptors, pipes and filters from the outside: one
// application, npm's clients and net/http, and every entry point that leads to a handler.
package pipeline_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
