package adaptertest

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// claims is an adapter that claims, or denies, to serve upgrades only.
type claims struct {
	adapter.Adapter

	upgradeOnly bool
}

func (c claims) Traits() adapter.Traits {
	t := c.Adapter.Traits()
	t.UpgradeOnly = c.upgradeOnly
	return t
}

// TestUpgradeOnly: the suite finds a wrong trait UpgradeOnly, also at a server that serves polls, whose requests a controller
// would get.
func TestUpgradeOnly(t *testing.T) {
	bySocketIO := func(t testing.TB, baseURL, target string, opts ...apptest.DialOption) (*apptest.Client, error) {
		t.Helper()
		return apptest.TryDialSocketIO(t, baseURL, append([]apptest.DialOption{apptest.WithNamespace(target)}, opts...)...)
	}
	byWS := func(t testing.TB, baseURL, target string, opts ...apptest.DialOption) (*apptest.Client, error) {
		t.Helper()
		return apptest.TryDialWS(t, baseURL+target, opts...)
	}
	for _, tt := range []struct {
		name    string
		adapter claims
		dial    func(testing.TB, string, string, ...apptest.DialOption) (*apptest.Client, error)
		want    []string // of each problem
	}{
		{"ws", claims{ws.New(), true}, byWS, nil},
		{"socketio", claims{socketio.New(), false}, bySocketIO, nil},
		{"ws that denies it", claims{ws.New(), false}, byWS, []string{"a server that serves upgrade requests only has Traits.UpgradeOnly"}},
		{"socketio that claims it", claims{socketio.New(), true}, bySocketIO, []string{"must not have Traits.UpgradeOnly", "must not have Traits.UpgradeOnly"}},
		{
			"socketio without polling that claims it", claims{socketio.New(socketio.Options{Transports: []string{socketio.WebSocket}}), true}, bySocketIO,
			[]string{"must not have Traits.UpgradeOnly", "must not have Traits.UpgradeOnly"}, // it answers 400
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &suite{cfg: Config{New: func() adapter.Adapter { return tt.adapter }, Dial: tt.dial}, traits: tt.adapter.Traits()}
			got := upgradeOnlyProblems(t, s)
			if len(got) != len(tt.want) {
				t.Fatalf("%q", got)
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("%s\nwant %s", got[i], want)
				}
			}
		})
	}
}
