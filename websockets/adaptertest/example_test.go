package adaptertest_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/gatehouse-go/gatehouse/websockets/adaptertest"
)

// A platform runs the suite in a test of its own.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestConformance(t *testing.T)
		adaptertest.Run(t, adaptertest.Config{
			New: func() adapter.Adapter { return ws.New() },
			Dial: func(t testing.TB, baseURL, target string, opts ...apptest.DialOption) (*apptest.Client, error) {
				t.Helper()
				return apptest.TryDialWS(t, baseURL+target, opts...)
			},
			ShutdownClose: apptest.Close{Code: 1001},
		})
	}
}
