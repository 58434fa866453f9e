package protocol_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// patience limits every wait.
const patience = testkit.Patience

const maxPayload = 1_000_000

// config is the configuration of both servers.
type config struct {
	pingInterval, pingTimeout      time.Duration
	upgradeTimeout, connectTimeout time.Duration
	origin                         string // the only allowed foreign origin
	cookie                         string // its name
}

var (
	// quick is the configuration of the official suites, four times as slow: a busy machine delays answers.
	quick = config{pingInterval: 1200 * time.Millisecond, pingTimeout: 800 * time.Millisecond, upgradeTimeout: 1600 * time.Millisecond, connectTimeout: 4 * time.Second}
	// calm has no heartbeat during a test, so that transcripts are reproducible.
	calm = config{pingInterval: 25 * time.Second, pingTimeout: 20 * time.Second, upgradeTimeout: 10 * time.Second, connectTimeout: 45 * time.Second}
	// public is calm, for browser pages of another origin, with a cookie.
	public = config{pingInterval: 25 * time.Second, pingTimeout: 20 * time.Second, upgradeTimeout: 10 * time.Second, connectTimeout: 45 * time.Second, origin: "https://good.example", cookie: "io"}
)

// target is a server under test.
type target struct {
	addr string
	// arrived waits until the server has received n requests of that sid.
	arrived func(t *testing.T, sid string, n int)
	witness *witness
	stop    func(context.Context) error // only ours
}

// bench is the reference server and ours.
type bench struct {
	node, ours *target
	waits      bool // its scenes wait for timers, and may run in parallel
}

func newBench(t *testing.T, c config) *bench {
	t.Helper()
	return &bench{node: startNode(t, c), ours: startOurs(t, c), waits: c == quick}
}

func startNode(t *testing.T, c config) *target {
	t.Helper()
	p := nodetest.StartProcess(t, "protocol.mjs", func(line []byte) { t.Logf("node: %s", line) })
	opts := map[string]any{
		"pingInterval": c.pingInterval.Milliseconds(), "pingTimeout": c.pingTimeout.Milliseconds(),
		"upgradeTimeout": c.upgradeTimeout.Milliseconds(), "connectTimeout": c.connectTimeout.Milliseconds(),
		"maxHttpBufferSize": maxPayload,
	}
	if c.origin != "" {
		opts["cors"] = map[string]any{"origin": c.origin, "credentials": true}
	}
	if c.cookie != "" {
		opts["cookie"] = map[string]any{"name": c.cookie}
	}
	var addr string
	if err := json.Unmarshal(p.MustDo("start", nodetest.Fields{"opts": opts}), &addr); err != nil {
		t.Fatal(err)
	}
	return &target{addr: addr, witness: newWitness(t, addr), arrived: func(t *testing.T, sid string, n int) {
		t.Helper()
		if _, err := p.Do("arrived", nodetest.Fields{"sid": sid, "n": n}); err != nil {
			t.Fatal(err)
		}
	}}
}

func startOurs(t *testing.T, c config) *target {
	t.Helper()
	requests := newNoteLog()
	door := requestTracker{newAdapter(c), requests}
	opts := []websockets.Option{
		websockets.WithLimits(websockets.Limits{
			MaxMessage: maxPayload, PingInterval: c.pingInterval, PingTimeout: c.pingTimeout,
			CloseTimeout: time.Second, // sessions stay open when a test ends
		}),
		websockets.Via(door),
		websockets.Via(door, websockets.Namespace("custom")),
	}
	if c.origin != "" {
		opts = append(opts, websockets.Origins(c.origin))
	}
	m := module.New("protocol", module.Exports(websockets.Gateway(newGateway, opts...)))
	a := apptest.New(t, m, apptest.With(app.WebSockets(door)))
	addr := strings.TrimPrefix(a.URL(), "http://")
	return &target{addr: addr, witness: newWitness(t, addr), stop: a.App().Stop, arrived: func(t *testing.T, sid string, n int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := requests.reached(ctx, sid, n); err != nil {
			t.Fatalf("%d requests of session %s have not arrived", n, sid)
		}
	}}
}

func newAdapter(c config) adapter.Adapter {
	o := socketio.Options{UpgradeTimeout: c.upgradeTimeout, ConnectTimeout: c.connectTimeout}
	if c.origin != "" {
		o.CORS.PrivateNetwork = socketio.On
	}
	if c.cookie != "" {
		o.Cookie = &http.Cookie{Name: c.cookie, HttpOnly: true}
	}
	return socketio.New(o)
}
