package matrix

import (
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Variant is one configuration of the server, on both sides.
type Variant struct {
	// Ours are the options of Gatehouse, Node those of npm's server.
	Ours []websockets.Option
	Node map[string]any
}

// Variants are the servers of each side by their names. The checks in matrix-wire.mjs rely on their limits.
var Variants = map[string]Variant{
	"main":      {},
	"restarted": {},
	"small": {
		Ours: []websockets.Option{websockets.WithLimits(websockets.Limits{MaxMessage: 10_000})},
		Node: map[string]any{"maxHttpBufferSize": 10_000},
	},
	"deflate": {
		Ours: []websockets.Option{socketio.Options{HTTPCompression: 1024, Compression: socketio.CompressionEach}},
		Node: map[string]any{"httpCompression": map[string]any{"threshold": 1024}, "perMessageDeflate": map[string]any{"threshold": 512}},
	},
	"beating": {
		Ours: []websockets.Option{websockets.WithLimits(websockets.Limits{
			PingInterval: 300 * time.Millisecond, PingTimeout: 3 * time.Second,
		})},
		Node: map[string]any{"pingInterval": 300, "pingTimeout": 3000},
	},
	"own": {
		Ours: []websockets.Option{websockets.Path("/own"), socketio.Options{Cookie: &http.Cookie{Name: "gate", HttpOnly: true}}},
		Node: map[string]any{
			"path": "/own", "addTrailingSlash": false,
			"cookie": map[string]any{"name": "gate", "path": "/", "httpOnly": true, "sameSite": "lax"},
		},
	},
	"ws only": {
		Ours: []websockets.Option{socketio.Options{Transports: []string{socketio.WebSocket}}},
		Node: map[string]any{"transports": []string{"websocket"}},
	},
	"no upgrade": {
		Ours: []websockets.Option{socketio.Options{Upgrades: socketio.Off}},
		Node: map[string]any{"allowUpgrades": false},
	},
	"recovery": {
		Ours: []websockets.Option{socketio.Options{Recovery: &socketio.Recovery{}}},
		Node: map[string]any{"connectionStateRecovery": map[string]any{"skipMiddlewares": false}},
	},
	"brief": {
		Ours: []websockets.Option{socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: 300 * time.Millisecond}}},
		Node: map[string]any{"connectionStateRecovery": map[string]any{"skipMiddlewares": false, "maxDisconnectionDuration": 300}},
	},
}

// Module returns the application with a gateway and the options of a variant.
func Module(g *Gateway, opts ...websockets.Option) *module.Module {
	adapter := socketio.New()
	gate := []websockets.Option{
		websockets.Origins("*"),
		websockets.Via(adapter),
		websockets.Via(adapter, websockets.Namespace("chat")),
		websockets.Via(adapter, websockets.Namespace("rooms/{id}")),
		websockets.Via(adapter, websockets.Namespace("guarded"), websockets.Admit(guard)),
		websockets.Via(adapter, websockets.Namespace("slow"), websockets.Admit(delayAdmit)),
		websockets.Via(adapter, websockets.Namespace("greeting")),
		websockets.Via(adapter, websockets.Namespace("shut")),
		websockets.Emits(emitted()...),
	}
	return module.New("matrix", module.Providers(websockets.Gateway(func() *Gateway { return g }, append(gate, opts...)...)))
}

// emitted is what the checks have the gateway send.
func emitted() (events []websockets.EventInfo) {
	for _, name := range []string{
		"a", "b", "empty", "first", "hello", "m", "n", "n0", "n1", "n2", "n3", "n4", "news", "returned", "several", "word", "x",
		"ü 漢", `a"b\`, " ", strings.Repeat("x", 1000), "0", "toString",
	} {
		events = append(events, websockets.NewEvent[any](name))
	}
	return append(events, websockets.NewCall[any, any]("question"))
}
