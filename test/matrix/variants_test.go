package matrix_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// variant is one configuration of the server, on both sides.
type variant struct {
	ours []websockets.Option
	node map[string]any
}

// Limits that the checks in matrix-wire.mjs rely on.
var variants = map[string]variant{
	"main":      {},
	"restarted": {},
	"small": {
		ours: []websockets.Option{websockets.WithLimits(websockets.Limits{MaxMessage: 10_000})},
		node: map[string]any{"maxHttpBufferSize": 10_000},
	},
	"deflate": {
		ours: []websockets.Option{socketio.Options{HTTPCompression: 1024, Compression: socketio.CompressionEach}},
		node: map[string]any{"httpCompression": map[string]any{"threshold": 1024}, "perMessageDeflate": map[string]any{"threshold": 512}},
	},
	"beating": {
		ours: []websockets.Option{websockets.WithLimits(websockets.Limits{
			PingInterval: 300 * time.Millisecond, PingTimeout: 3 * time.Second,
		})},
		node: map[string]any{"pingInterval": 300, "pingTimeout": 3000},
	},
	"own": {
		ours: []websockets.Option{websockets.Path("/own"), socketio.Options{Cookie: &http.Cookie{Name: "gate", HttpOnly: true}}},
		node: map[string]any{
			"path": "/own", "addTrailingSlash": false,
			"cookie": map[string]any{"name": "gate", "path": "/", "httpOnly": true, "sameSite": "lax"},
		},
	},
	"ws only": {
		ours: []websockets.Option{socketio.Options{Transports: []string{socketio.WebSocket}}},
		node: map[string]any{"transports": []string{"websocket"}},
	},
	"no upgrade": {
		ours: []websockets.Option{socketio.Options{Upgrades: socketio.Off}},
		node: map[string]any{"allowUpgrades": false},
	},
	"recovery": {
		ours: []websockets.Option{socketio.Options{Recovery: &socketio.Recovery{}}},
		node: map[string]any{"connectionStateRecovery": map[string]any{"skipMiddlewares": false}},
	},
	"brief": {
		ours: []websockets.Option{socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: 300 * time.Millisecond}}},
		node: map[string]any{"connectionStateRecovery": map[string]any{"skipMiddlewares": false, "maxDisconnectionDuration": 300}},
	},
}

// side is one column of the matrix: its servers, one for each variant.
type side struct {
	name string
	urls map[string]string
	// restart stops the server "restarted" and starts it again at its address.
	restart func() error
}

// startNode starts npm's servers.
func startNode(t *testing.T) *side {
	t.Helper()
	p := nodetest.StartProcess(t, "matrix-server.mjs", func([]byte) {})
	s := &side{name: "Node", urls: map[string]string{}}
	start := func(name string, port int) (string, error) {
		fields := nodetest.Fields{"name": name, "opts": variants[name].node}
		if port != 0 {
			fields["port"] = port
		}
		answer, err := p.Do("start", fields)
		if err != nil {
			return "", err
		}
		var url string
		return url, json.Unmarshal(answer, &url)
	}
	for name := range variants {
		url, err := start(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.urls[name] = url
	}
	s.restart = func() error {
		if _, err := p.Do("stop", nodetest.Fields{"name": "restarted"}); err != nil {
			return err
		}
		_, err := start("restarted", portOf(s.urls["restarted"]))
		return err
	}
	return s
}

// startOurs starts Gatehouse.
func startOurs(t *testing.T) *side {
	t.Helper()
	s := &side{name: "Gatehouse", urls: map[string]string{}}
	var stops []func() error
	for name := range variants {
		if name != "restarted" {
			a := startApp(t, "127.0.0.1:0", variants[name].ours...)
			s.urls[name], stops = a.url, append(stops, a.stop)
		}
	}
	t.Cleanup(func() { // in parallel: some have polling clients that never poll again
		var all sync.WaitGroup
		for _, stop := range stops {
			all.Go(func() { _ = stop() }) // reported by the starter
		}
		all.Wait()
	})
	var mu sync.Mutex
	current := startApp(t, "127.0.0.1:0", variants["restarted"].ours...)
	s.urls["restarted"] = current.url
	s.restart = func() error {
		mu.Lock()
		defer mu.Unlock()
		if err := current.stop(); err != nil {
			return err
		}
		var err error
		testkit.WithinEvery(100*time.Millisecond, patience, func() bool { // a connection of another program may have the port for a moment
			var next *application
			if next, err = newApp(t, current.addr, variants["restarted"].ours...); err == nil {
				current = next
			}
			return err == nil
		})
		return err
	}
	return s
}

// application is a running Gatehouse with the gateway of the matrix.
type application struct {
	gateway   *gateway
	addr, url string
	stop      func() error
	app       *app.App
}

func startApp(t *testing.T, addr string, opts ...websockets.Option) *application {
	t.Helper()
	a, err := newApp(t, addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newApp(t *testing.T, addr string, opts ...websockets.Option) (*application, error) {
	t.Helper()
	adapter := socketio.New()
	g := newGateway()
	gate := []websockets.Option{
		websockets.Origins("*"),
		websockets.Via(adapter),
		websockets.Via(adapter, websockets.Namespace("chat")),
		websockets.Via(adapter, websockets.Namespace("rooms/{id}")),
		websockets.Via(adapter, websockets.Namespace("guarded"), websockets.Admit(guard)),
		websockets.Via(adapter, websockets.Namespace("slow"), websockets.Admit(delayAdmit)),
		websockets.Via(adapter, websockets.Namespace("greeting")),
		websockets.Via(adapter, websockets.Namespace("shut")),
	}
	m := module.New("matrix", module.Providers(websockets.Gateway(func() *gateway { return g }, append(gate, opts...)...)))
	a, err := app.New(m, app.HTTP(addr), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	if err := a.Start(t.Context()); err != nil {
		return nil, err
	}
	at := a.Addr().String()
	stop := sync.OnceValue(func() error {
		ctx, cancel := timeout()
		defer cancel()
		return a.Stop(ctx)
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop of the application: %v", err)
		}
	})
	return &application{g, at, "http://" + at, stop, a}, nil
}
