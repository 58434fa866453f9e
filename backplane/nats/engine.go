package nats

import (
	"context"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/reconnect"
)

// Errors of [Engine]. Test with errors.Is.
var (
	// ErrNotConnected: NATS cannot be reached. The engine goes on trying.
	ErrNotConnected = reconnect.ErrNotConnected
	// ErrStopped: the engine has stopped, or has not started.
	ErrStopped = reconnect.ErrStopped
)

// Engine is the engine of one application, see [New].
type Engine struct {
	opts options
	self string // the id of the node; set by Start
	in   backplane.Inbound

	loop *reconnect.Loop[*session]

	// Only Send uses these.
	frame   []byte // of the last part, for the next one
	replies uint64 // how many subjects for replies were used
}

var _ backplane.Backplane = (*Engine)(nil)

// New returns an engine that connects nodes by core NATS. Each node has one connection. Nothing is
// kept: while a node is not connected, it misses what the others send, and the framework counts it.
//
// In a cluster of NATS servers, a confirmed subscription is confirmed by the server of the node.
// The other servers know it before anything that the node sends.
func New(opts ...Option) *Engine {
	e := &Engine{opts: newOptions(opts)}
	e.loop = reconnect.New(reconnect.Config[*session]{Name: "nats", Target: e.opts.target(), Dial: e.dial, Timeout: e.opts.client.Timeout})
	return e
}

// Name implements [backplane.Backplane].
func (*Engine) Name() string { return "nats" }

// Traits implements [backplane.Backplane].
func (e *Engine) Traits() backplane.Traits {
	return backplane.Traits{Interest: true, Direct: true, Receipts: true, MaxBytes: e.opts.maxMessage()}
}

// Start implements [backplane.Backplane]. The error is a [backplane.SetupError], or why NATS cannot
// be reached.
func (e *Engine) Start(ctx context.Context, self backplane.Node, in backplane.Inbound) error {
	if e.opts.err != nil {
		return e.opts.err
	}
	return e.loop.Start(ctx, in, func() { e.self, e.in = self.ID, in })
}

// Interest implements [backplane.Backplane]. While NATS cannot be reached it returns at once.
func (e *Engine) Interest(ctx context.Context, add, drop []string) error {
	s, err := e.loop.Want(add, drop)
	if err != nil {
		return err
	}
	s.unsubscribe(drop)
	return s.Subscribe(ctx, add)
}

// Stop implements [backplane.Backplane]. NATS has confirmed what Send has returned for.
func (e *Engine) Stop(ctx context.Context) error { return e.loop.Stop(ctx) }
