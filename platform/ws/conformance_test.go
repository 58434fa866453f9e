package ws_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/gatehouse-go/gatehouse/websockets/adaptertest"
)

func TestConformance(t *testing.T) {
	adaptertest.Run(t, adaptertest.Config{
		New: func() adapter.Adapter { return ws.New() },
		Dial: func(t testing.TB, baseURL, place string, opts ...apptest.DialOption) (*apptest.Client, error) {
			t.Helper()
			return apptest.TryDialWS(t, baseURL+place, opts...)
		},
		ShutdownClose: apptest.Close{Code: 1001, Reason: "server shutting down"},
	})
}
