package ws_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/gatehouse-go/gatehouse/websockets/adaptertest"
)

func TestConformance(t *testing.T) {
	conform(t, func() adapter.Adapter { return ws.New() })
}

// Everything holds too for clients of gatehouse.v1, with refusals that are explained, and with
// clients that may be recovered.
func TestConformanceOfV1(t *testing.T) {
	conform(t, v1, apptest.WithSubprotocols("gatehouse.v1"))
}

func v1() adapter.Adapter {
	return ws.New(ws.Options{ExplainRefusals: ws.On, Recovery: &ws.Recovery{}})
}

func TestV1(t *testing.T) {
	adaptertest.RunV1(t, config(v1))
}

// Everything holds too while each connection is parked whenever nothing of its client waits.
func TestConformanceOfParked(t *testing.T) {
	conform(t, func() adapter.Adapter { return parking{ws.New()} })
}

// parking parks connections at once.
type parking struct{ adapter.Adapter }

func (p parking) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	cfg.Limits.IdleAfter = 1
	return p.Adapter.NewServer(cfg)
}

func conform(t *testing.T, newAdapter func() adapter.Adapter, always ...apptest.DialOption) {
	t.Helper()
	adaptertest.Run(t, config(newAdapter, always...))
}

func config(newAdapter func() adapter.Adapter, always ...apptest.DialOption) adaptertest.Config {
	return adaptertest.Config{
		New: newAdapter,
		Dial: func(t testing.TB, baseURL, place string, opts ...apptest.DialOption) (*apptest.Client, error) {
			t.Helper()
			return apptest.TryDialWS(t, baseURL+place, append(slices.Clip(always), opts...)...)
		},
		Traced: func(c *apptest.Client, event string, data int, traceparent string) {
			text, _ := json.Marshal(map[string]any{"event": event, "data": data, "traceparent": traceparent})
			c.Raw().Text(string(text))
		},
		ShutdownClose: apptest.Close{Code: 1001, Reason: "server shutting down"},
	}
}
