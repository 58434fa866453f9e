// Package logs_test tests that the log says what has gone wrong, where, and which option it concerns.
package logs_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }
