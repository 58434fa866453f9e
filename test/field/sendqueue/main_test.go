// Package sendqueue_test has clients that are sent more than they read: they read at full speed, over a slow
// connection, or not at all.
package sendqueue_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
