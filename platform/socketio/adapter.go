package socketio

import (
	"log/slog"

	"github.com/gatehouse-go/gatehouse/internal/merge"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const platformName = "socketio"

// Adapter serves gateways over Socket.IO. It holds no connections, may serve
// several applications, and is safe for concurrent use.
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

// Name returns "socketio".
func (*Adapter) Name() string { return platformName }

// Traits returns the traits of Socket.IO.
func (*Adapter) Traits() adapter.Traits {
	return adapter.Traits{DefaultPath: "/socket.io/", Namespaces: true, Binary: true}
}

// NewServer implements [adapter.Adapter].
func (a *Adapter) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	opts, err := a.options(cfg.Options)
	if err != nil {
		return nil, err
	}
	if opts.Recovery, err = resume.Fit("socketio", opts.Recovery, cfg.Limits.SendQueueMax); err != nil {
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

// options returns the options of a server, with the defaults.
func (a *Adapter) options(of []adapter.PlatformOption) (Options, error) {
	opts, err := merge.All(a.opts, of, "socketio: %T is not an option of this adapter: use socketio.Options")
	if err != nil {
		return opts, err
	}
	return opts.complete()
}

// Socket is a client as this platform sees it: its connection in one namespace. Its
// methods are safe for concurrent use.
type Socket struct{ s *socket }

// SocketOf returns the socket of a client; false for a client of another platform, or a
// fake.
func SocketOf(c websockets.Client) (Socket, bool) {
	s, ok := c.Native().(*socket)
	return Socket{s}, ok
}

// Transport returns the current transport of the connection: [Polling] or [WebSocket].
func (s Socket) Transport() string { return s.s.conn.eng.Transport() }
