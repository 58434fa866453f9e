package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/payload"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// addCall registers a call under a new id.
func (s *session) addCall(w pendingCall) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls.add(w)
}

// removeCall removes a call that has not been answered.
func (s *session) removeCall(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls.remove(id)
}

// cancelCalls ends the client's context and its calls.
func (s *session) cancelCalls(cause error) {
	s.cancel(cause)
	s.endCalls()
}

func (s *session) endCalls() {
	s.mu.Lock()
	calls := s.calls.close()
	s.mu.Unlock()
	for _, w := range calls {
		w.cancel()
	}
}

// Ack implements [adapter.Session].
func (s *session) Ack(id uint64, p websockets.Payload) {
	s.observeAnswer(id, p)
	s.mu.Lock()
	w, known := s.calls.take(id)
	s.mu.Unlock()
	switch {
	case w != nil:
		w.answer(p)
	case !known:
		s.countError(errUnknownCall)
	}
}

var errUnknownCall = &websockets.Error{Message: "Answer to an unknown call", Code: websockets.CodeBadMessage}

// clientCall is a call of one client; closed when it has left.
type clientCall chan websockets.Payload

func (c clientCall) answer(p websockets.Payload) { c <- p }
func (c clientCall) cancel()                     { close(c) }

func (s *session) Call(ctx context.Context, event string, data any, opts ...websockets.EmitOption) (websockets.Payload, error) {
	if event == "" {
		return websockets.Payload{}, websockets.ErrNoEvent
	}
	ctx, cancel := withCallTimeout(ctx, s.ep)
	defer cancel()
	out := s.outgoing(event, data, opts...)
	e := s.emission(out)
	e.Call = true
	var p websockets.Payload
	err := observeEmission(ctx, s.ep.hooks, e, func(ctx context.Context, d *delivery) (err error) {
		p, err = s.call(ctx, out, d)
		return err
	})
	return p, err
}

func (s *session) call(ctx context.Context, out *adapter.Outgoing, d *delivery) (websockets.Payload, error) {
	answer := make(clientCall, 1)
	id, err := s.addCall(answer)
	if err != nil {
		return websockets.Payload{}, err
	}
	defer s.removeCall(id)
	err = s.ep.intercept(ctx, out, s, nil, func(out *adapter.Outgoing) error { return s.queue(out, id, d) })
	if err != nil {
		return websockets.Payload{}, err
	}
	s.yield()
	select {
	case p, ok := <-answer:
		if !ok {
			return websockets.Payload{}, websockets.ErrClosed
		}
		d.answered()
		return p, nil
	case <-ctx.Done():
		return websockets.Payload{}, context.Cause(ctx)
	}
}

// broadcastCall is the calls of one broadcast.
type broadcastCall struct {
	done chan struct{} // closed when every call has ended
	d    *delivery     // nil without observers

	mu      sync.Mutex
	pending int
	answers websockets.Answers
	// report, if set, gets the end of each call instead of answers; mu is held.
	report func(s *session, p websockets.Payload, err error)
	timer  *time.Timer // that ends them; nil without
}

// memberCall is the call of one client of a broadcast.
type memberCall struct {
	g     *broadcastCall
	s     *session
	id    uint64
	ended bool // guarded by g.mu
}

func (b *memberCall) answer(p websockets.Payload) { b.end(p, nil) }
func (b *memberCall) cancel()                     { b.end(websockets.Payload{}, websockets.ErrClosed) }

// end ends the call, once.
func (b *memberCall) end(p websockets.Payload, err error) {
	g := b.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.ended {
		return
	}
	b.ended = true
	switch {
	case g.report != nil:
		g.report(b.s, p, err)
	case err != nil:
		g.answers.Missing = append(g.answers.Missing, websockets.NoAnswer{ID: b.s.ID(), Node: b.s.ep.rt.node.ID, Client: b.s, Err: err})
	default:
		g.d.answered()
		g.answers.Answered = append(g.answers.Answered, websockets.Answer[websockets.Payload]{ID: b.s.ID(), Node: b.s.ep.rt.node.ID, Client: b.s, Value: p})
	}
	g.ended()
}

// ended counts the end of a call, or of sending them; g.mu is held.
func (g *broadcastCall) ended() {
	if g.pending--; g.pending == 0 {
		close(g.done)
		if g.timer != nil {
			g.timer.Stop()
		}
	}
}

// withCallTimeout limits ctx, unless it has a deadline.
func withCallTimeout(ctx context.Context, e *endpoint) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, e.srv.limits.CallTimeout)
}

func (s *server) Call(ctx context.Context, sel core.Selection, event string, data any, opts []websockets.EmitOption) (websockets.Answers, error) {
	if len(s.endpoints) == 0 {
		return websockets.Answers{}, nil
	}
	ctx, cancel := withCallTimeout(ctx, s.endpoints[0])
	defer cancel()
	out := newOutgoing(event, data, opts)
	e := emissionOf(sel, out)
	e.Call = true
	var answers websockets.Answers
	err := observeEmission(ctx, s.hooks(), e, func(ctx context.Context, d *delivery) (err error) {
		answers, err = s.call(ctx, sel, out, d)
		return err
	})
	return answers, err
}

func (s *server) call(ctx context.Context, sel core.Selection, out *adapter.Outgoing, d *delivery) (websockets.Answers, error) {
	g := &broadcastCall{done: make(chan struct{}), d: d, pending: 1} // until all calls have been sent
	var asked [][]memberCall
	var others []*remoteCall
	err := s.intercepted(ctx, sel, out, func(endpoints []*endpoint, out *adapter.Outgoing) error {
		targets := clients(endpoints, sel, false)
		if err := encodeFor(targets, out); err != nil {
			return err
		}
		m, err := s.event(ctx, endpoints, sel, out)
		if err != nil {
			return err
		}
		asked = append(asked, g.ask(ctx, targets, out))
		if m != nil {
			others = append(others, g.askOthers(ctx, s.rt, &m.Message))
		}
		return nil
	})
	done := g.leave()
	for _, o := range others {
		o.await(ctx)
	}
	if done || len(asked) == 0 {
		return g.answers, err
	}
	select {
	case <-g.done:
		return g.answers, err
	case <-ctx.Done():
	}
	for _, calls := range asked {
		for i := range calls {
			calls[i].s.removeCall(calls[i].id)
			calls[i].end(websockets.Payload{}, context.Cause(ctx))
		}
	}
	return g.answers, err // every call has ended, so nothing writes to the answers any more
}

// leave removes one call, and reports whether it was the last.
func (g *broadcastCall) leave() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended()
	return g.pending == 0
}

// ask calls the clients, until ctx ends.
func (g *broadcastCall) ask(ctx context.Context, targets []*session, out *adapter.Outgoing) []memberCall {
	g.mu.Lock()
	g.pending += len(targets)
	g.mu.Unlock()
	branches := make([]memberCall, len(targets))
	for i, s := range targets {
		branches[i] = memberCall{g: g, s: s}
	}
	for i := range branches {
		if ctx.Err() != nil {
			break
		}
		branches[i].ask(out)
	}
	return branches
}

// yield has another goroutine read the client's answer, if this one is its reader.
func (s *session) yield() {
	if y, ok := s.conn.(adapter.Yielder); ok {
		y.Yield()
	}
}

func (b *memberCall) ask(out *adapter.Outgoing) {
	var err error
	if b.id, err = b.s.addCall(b); err == nil {
		err = b.s.queue(out, b.id, b.g.d)
	}
	if err != nil {
		b.s.removeCall(b.id)
		b.end(websockets.Payload{}, err)
		return
	}
	b.s.yield()
}

// decode decodes what a client or another node has sent, with the codec of the application if that is the one of
// encoding/json: others are for the input of handlers only.
func (rt *Runtime) decode(p websockets.Payload, v any) error {
	if _, raw := v.(*websockets.Payload); raw {
		return p.Decode(v)
	}
	if _, ok := rt.codec.(codec.V1); !ok {
		return p.Decode(v)
	}
	if handled, err := websockets.DecodeArguments(framework, p, v, true, rt.decode); handled {
		return err
	}
	p = p.Clone()
	return payload.Raw{JSON: p.JSON, Attachments: p.Attachments}.DecodeBy(rt.codec, v)
}

// DecodeAnswer is how websockets.CallEvent decodes an answer.
func (s *session) DecodeAnswer(_ seal.Framework, p websockets.Payload, v any) error {
	return s.ep.rt.decode(p, v)
}

// DecodeAnswer is how websockets.CallEvent decodes the answers of a selection.
func (s *server) DecodeAnswer(_ seal.Framework, p websockets.Payload, v any) error {
	return s.rt.decode(p, v)
}
