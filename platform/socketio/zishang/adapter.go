package zishang

import (
	"fmt"

	"github.com/gatehouse-go/gatehouse/internal/merge"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const platformName = "socketio"

// Adapter serves gateways over Socket.IO. Make one with [New]. It holds no
// connections and may serve several applications; it is safe for concurrent use.
type Adapter struct{ defaults Options }

var (
	_ adapter.Adapter        = (*Adapter)(nil)
	_ adapter.OptionsChecker = (*Adapter)(nil)
)

// New makes an adapter. The options are the defaults of its servers; where
// several set the same field, the last one counts.
func New(opts ...Options) *Adapter {
	a := &Adapter{}
	for _, o := range opts {
		a.defaults = merge.Fields(a.defaults, o)
	}
	return a
}

// Name is "socketio".
func (*Adapter) Name() string { return platformName }

// Traits of Socket.IO: namespaces and binary attachments, a path of its own at
// which polling requests arrive too.
func (*Adapter) Traits() adapter.Traits {
	return adapter.Traits{DefaultPath: "/socket.io/", Namespaces: true, Binary: true}
}

// NewServer makes the server of one listener and path. It fails when the
// options do not fit, or are those of another Socket.IO adapter.
func (a *Adapter) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	opts, err := a.options(cfg.Options)
	if err != nil {
		return nil, fmt.Errorf("%w (server %s)", err, cfg.Path)
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
	opts, err := merge.All(a.defaults, of, "zishang: option %T belongs to another Socket.IO adapter; use zishang.Options")
	if err != nil {
		return opts, err
	}
	return opts.complete()
}
