// Package sessions_test attacks the sessions of Engine.IO: requests that do not
// belong together, that lie, stop half way, or come from somebody else.
package sessions_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }
