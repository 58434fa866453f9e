// Package churn_test connects and disconnects thousands of clients in every way, and checks that
// nothing is leaked.
package churn_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
