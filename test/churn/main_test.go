// Package churn_test lets very many clients come and leave in every way there
// is, and looks whether they leave anything behind.
package churn_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
