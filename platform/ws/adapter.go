package ws

import (
	"fmt"
	"log/slog"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const platformName = "ws"

// Adapter serves gateways over plain WebSocket. It holds no connections, may
// serve several applications, and is safe for concurrent use.
type Adapter struct {
	opts Options
}

var _ adapter.Adapter = (*Adapter)(nil)

// New makes the adapter. The options hold for all its servers; of several, a
// later one overrides an earlier one field by field. What is wrong with them
// is an error of the application's start.
func New(opts ...Options) *Adapter {
	var o Options
	for _, next := range opts {
		o = next.over(o)
	}
	return &Adapter{o.withDefaults()}
}

// Name is "ws".
func (*Adapter) Name() string { return platformName }

// Traits of plain WebSocket: the path alone says which gateway is meant.
func (*Adapter) Traits() adapter.Traits {
	return adapter.Traits{
		DefaultPath:  "/",
		PathPatterns: true,
		UpgradeOnly:  true,
		ReplyAsEvent: true,
	}
}

// NewServer implements [adapter.Adapter].
func (a *Adapter) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	if len(cfg.Endpoints) != 1 {
		return nil, fmt.Errorf("ws: path %s: plain WebSocket has no namespaces, so a server has one endpoint, not %d: use websockets.Path to tell gateways apart", cfg.Path, len(cfg.Endpoints))
	}
	opts := a.opts
	for _, o := range cfg.Options {
		own, ok := o.(Options)
		if !ok {
			return nil, fmt.Errorf("ws: path %s: %T is not an option of this platform: use ws.Options", cfg.Path, o)
		}
		opts = own.over(opts)
	}
	if err := opts.check(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return newServer(cfg, opts), nil
}

// ConnOf gives the connection of a client of this platform, for what the
// framework does not offer; false for a client of another platform, or a fake.
// Without compression it is made when first asked for, and costs memory and time
// from then on.
//
// Hazards. Never call its Read, Reader or CloseRead: the framework reads. Ping
// works. Write and Writer pass by the send queue: they block on a slow client,
// overtake what is queued, and are bounded by no limit; between Writer and its
// Close nothing else is sent. A context that ends during a call cuts the
// connection. Close and CloseNow pass by the queue as well: use Client.Disconnect.
// SetReadLimit turns an oversized message into a cut.
func ConnOf(c websockets.Client) (*websocket.Conn, bool) {
	conn, ok := c.Native().(*websocket.Conn)
	return conn, ok
}
