package redis

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/reconnect"
)

// Errors of [Engine]. Test with errors.Is.
var (
	// ErrNotConnected: Redis cannot be reached. The engine goes on trying.
	ErrNotConnected = reconnect.ErrNotConnected
	// ErrStopped: the engine has stopped, or has not started.
	ErrStopped = reconnect.ErrStopped
)

// Engine is the engine of one application, see [Native].
type Engine struct {
	opts   options
	bridge *bridge   // nil unless the engine is that of SocketIO
	log    *eventLog // nil unless the engine is that of Streams
	self   string    // raw id of the node; set by Start
	name   string    // of its connections
	in     backplane.Inbound

	loop *reconnect.Loop[*session]

	frames []byte // of the last Send, for the next one
}

var _ backplane.Backplane = (*Engine)(nil)

// Native returns an engine that connects Gatehouse nodes by PUBLISH and SUBSCRIBE. Each node has two
// connections. Nothing is kept: while a node is not connected, it misses what the others send,
// and the framework counts it.
func Native(opts ...Option) *Engine {
	e := &Engine{}
	e.init(opts)
	return e
}

func (e *Engine) init(opts []Option) {
	e.opts = newOptions(opts)
	e.loop = reconnect.New(reconnect.Config[*session]{Name: "redis", Target: e.opts.target(), Dial: e.dial, Timeout: e.opts.client.ConnWriteTimeout})
}

// Name implements [backplane.Backplane].
func (*Engine) Name() string { return "redis" }

// Traits implements [backplane.Backplane].
func (e *Engine) Traits() backplane.Traits {
	return backplane.Traits{Interest: true, Direct: true, Receipts: !e.opts.cluster}
}

// Start implements [backplane.Backplane]. The error is a [backplane.SetupError], or why Redis
// cannot be reached.
func (e *Engine) Start(ctx context.Context, self backplane.Node, in backplane.Inbound) error {
	raw, err := hex.DecodeString(self.ID)
	switch {
	case e.opts.err != nil:
		return e.opts.err
	case err != nil:
		return fmt.Errorf("redis: Start: the id of the node %q is not hexadecimal", self.ID)
	}
	return e.loop.Start(ctx, in, func() {
		e.self, e.in, e.name = string(raw), in, ourUID+self.ID
		if e.bridge != nil {
			e.bridge.in, e.bridge.self, e.bridge.uid = in, self.ID, e.name
		}
		if e.log != nil {
			e.log.in, _ = in.(backplane.LogInbound)
			e.log.node = e.log.nodes + self.ID
		}
	})
}

// Send implements [backplane.Backplane]: a PUBLISH for each frame, all in one pipeline. It waits
// while Redis cannot be reached. When ctx ends while Redis does not answer, the engine disconnects.
func (e *Engine) Send(ctx context.Context, batch []*backplane.Message) error {
	s, err := e.loop.Session(ctx)
	if err != nil {
		return err
	}
	return e.publish(ctx, s, batch)
}

func (e *Engine) publish(ctx context.Context, s *session, batch []*backplane.Message) error {
	var node []publication
	if e.bridge != nil {
		servers, err := s.servers(ctx, e.bridge.asked(batch))
		if err != nil {
			return s.failed("PUBSUB NUMSUB", err)
		}
		batch, node = e.forNode(batch, servers)
	}
	var parts []part
	frames := e.frames[:0]
	sent := 0
	err := envelope.Split(batch, func(of []*backplane.Message) (err error) {
		parts = append(parts, part{first: sent, messages: len(of), start: len(frames)})
		sent += len(of)
		frames, err = envelope.Append(frames, of)
		return err
	})
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	for i := range parts {
		parts[i].end = len(frames)
		if i+1 < len(parts) {
			parts[i].end = parts[i+1].start
		}
	}
	var kept []part
	if e.log != nil {
		kept, parts = divide(parts, func(p part) bool { return batch[p.first].Channel == backplane.ChannelEvents })
	}
	cmds := make([]rueidis.Completed, 0, len(parts)+len(node))
	for _, p := range parts {
		cmds = append(cmds, s.command(e.opts.channelPrefix()+batch[p.first].Channel, frames[p.start:p.end]))
	}
	for _, p := range node {
		cmds = append(cmds, s.command(p.channel, p.bytes))
	}
	e.frames = nil // the client may still read them after an error
	if len(kept) > 0 {
		if err := s.add(ctx, batch, kept, frames); err != nil {
			return err
		}
	}
	counts, err := s.do(ctx, cmds)
	if err != nil {
		return err
	}
	if cap(frames) <= 2*backplane.MaxBatchBytes {
		e.frames = frames
	}
	for i, p := range parts {
		if counts[i] > 0 || batch[p.first].To == "" || e.opts.cluster {
			continue
		}
		for _, m := range batch[p.first : p.first+p.messages] {
			e.in.NoNode(&backplane.Message{Kind: m.Kind, To: m.To, Request: m.Request})
		}
	}
	return nil
}

// part is the messages of a frame, and where it is.
type part struct{ first, messages, start, end int }

// divide returns the parts that f is true for, and the others.
func divide(all []part, f func(part) bool) (yes, no []part) {
	for _, p := range all {
		if f(p) {
			yes = append(yes, p)
		} else {
			no = append(no, p)
		}
	}
	return yes, no
}

// forNode returns the messages for Gatehouse nodes, and what Node receives.
func (e *Engine) forNode(batch []*backplane.Message, servers map[string]int) (native []*backplane.Message, node []publication) {
	for _, m := range batch {
		node = e.bridge.outgoing(node, m, servers)
		if m.To != foreign {
			native = append(native, m)
		}
	}
	return native, node
}

// Interest implements [backplane.Backplane]. While Redis cannot be reached it returns at once.
func (e *Engine) Interest(ctx context.Context, add, drop []string) error {
	s, err := e.loop.Want(add, drop)
	if err != nil {
		return err
	}
	if err := s.Subscribe(ctx, add); err != nil {
		return err
	}
	return s.unsubscribe(ctx, drop)
}

// Stop implements [backplane.Backplane].
func (e *Engine) Stop(ctx context.Context) error { return e.loop.Stop(ctx) }
