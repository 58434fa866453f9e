package ws

import (
	"fmt"
	"log/slog"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/merge"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const platformName = "ws"

// Adapter serves gateways over plain WebSocket. It holds no connections, may
// serve several applications, and is safe for concurrent use.
type Adapter struct {
	opts Options
}

var (
	_ adapter.Adapter        = (*Adapter)(nil)
	_ adapter.OptionsChecker = (*Adapter)(nil)
)

// New returns the adapter. The options apply to all its servers; a later one overrides
// an earlier one field by field. Invalid options are an error when the application starts.
func New(opts ...Options) *Adapter {
	o := defaults()
	for _, next := range opts {
		o = merge.Fields(o, next)
	}
	return &Adapter{o}
}

// Name returns "ws".
func (*Adapter) Name() string { return platformName }

// Traits returns the traits of plain WebSocket, where only the path selects a gateway.
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
		return nil, fmt.Errorf("ws: path %s: plain WebSocket has no namespaces, so a server has one endpoint, not %d: use a websockets.Path for each gateway", cfg.Path, len(cfg.Endpoints))
	}
	opts, err := a.options(cfg.Options)
	if err != nil {
		return nil, err
	}
	if opts.Recovery, err = resume.Fit("ws", opts.Recovery, cfg.Limits.SendQueueMax); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return newServer(cfg, opts), nil
}

// CheckOptions implements [adapter.OptionsChecker].
func (a *Adapter) CheckOptions(opts []adapter.PlatformOption) error {
	_, err := a.options(opts)
	return err
}

// options returns the options of a server.
func (a *Adapter) options(of []adapter.PlatformOption) (Options, error) {
	opts, err := merge.All(a.opts, of, "ws: %T is not an option of this platform: use ws.Options")
	if err != nil {
		return opts, err
	}
	return opts.complete()
}

// ConnOf returns the connection of a client, for what the framework does not offer; false
// for a client of another platform, or a fake. Without compression it is created in the
// first call, and costs memory and time from then on.
//
// Hazards: never call its Read, Reader or CloseRead, because the framework reads. Ping
// works. Write and Writer bypass the send queue: they block on a slow client, overtake
// queued messages, and have no limit; between Writer and its Close nothing else is sent.
// A context that ends during a call aborts the connection. Close and CloseNow bypass the
// queue too: use Client.Disconnect. With SetReadLimit an oversized message aborts the
// connection.
func ConnOf(c websockets.Client) (*websocket.Conn, bool) {
	conn, ok := c.Native().(*websocket.Conn)
	return conn, ok
}
