package socketio_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/gatehouse-go/gatehouse/websockets/adaptertest"
)

func TestConformance(t *testing.T) {
	conform(t, func() adapter.Adapter { return socketio.New(traceArgument) })
}

// Everything holds too while each connection is parked whenever nothing of its client waits.
func TestConformanceOfParked(t *testing.T) {
	conform(t, func() adapter.Adapter { return parking{socketio.New(traceArgument)} })
}

var traceArgument = socketio.Options{TraceArgument: socketio.On}

// parking parks connections at once.
type parking struct{ adapter.Adapter }

func (p parking) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	cfg.Limits.IdleAfter = 1
	return p.Adapter.NewServer(cfg)
}

func conform(t *testing.T, newAdapter func() adapter.Adapter) {
	t.Helper()
	adaptertest.Run(t, adaptertest.Config{
		New: newAdapter,
		Dial: func(t testing.TB, baseURL, place string, opts ...apptest.DialOption) (*apptest.Client, error) {
			t.Helper()
			return apptest.TryDialSocketIO(t, baseURL, append([]apptest.DialOption{apptest.WithNamespace(place)}, opts...)...)
		},
		Traced: func(c *apptest.Client, event string, data int, traceparent string) {
			c.Emit(event, data, "tp="+traceparent)
		},
		ShutdownClose: apptest.Close{Code: 1001, Reason: "transport close"},
	})
}
