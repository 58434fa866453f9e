//go:build !linux && !darwin

package subprocess

import (
	"errors"
	"testing"
)

// RaiseFiles does nothing on systems whose limit this package cannot set.
func RaiseFiles(testing.TB, int) {}

func limitFiles(uint64) error { return errors.ErrUnsupported }
