// Package pipeline_test looks at guards, interceptors, pipes and filters from the
// outside: one application, npm's clients and net/http, and every way that leads to a
// handler.
package pipeline_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
