// Package sessions_test attacks Engine.IO sessions with requests that do not match, that contain false data, stop
// half way, or come from another client.
package sessions_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }
