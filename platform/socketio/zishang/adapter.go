package zishang

import (
	"fmt"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const platformName = "socketio"

// Adapter serves gateways over Socket.IO. Make one with [New]. It holds no
// connections and may serve several applications; it is safe for concurrent use.
type Adapter struct{ defaults Options }

var _ adapter.Adapter = (*Adapter)(nil)

// New makes an adapter. The options are the defaults of its servers; where
// several set the same field, the last one counts.
func New(opts ...Options) *Adapter {
	a := &Adapter{}
	for _, o := range opts {
		a.defaults = a.defaults.over(o)
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
	opts := a.defaults
	for _, o := range cfg.Options {
		mine, ok := o.(Options)
		if !ok {
			return nil, fmt.Errorf("zishang: server %s: option %T belongs to another Socket.IO adapter; use zishang.Options", cfg.Path, o)
		}
		opts = opts.over(mine)
	}
	opts, err := opts.complete()
	if err != nil {
		return nil, fmt.Errorf("%w (server %s)", err, cfg.Path)
	}
	return newServer(cfg, opts), nil
}
