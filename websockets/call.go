package websockets

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Answers is what the clients of a [Broadcast.Call] answered.
type Answers = Results[Payload]

// Results is what the clients of a broadcast answered. Every client that was
// selected is in one of the two lists.
type Results[T any] struct {
	// Answered has the answers in the order in which they came.
	Answered []Answer[T]
	// Missing has the clients without an answer.
	Missing []NoAnswer
}

// Answer is what one client answered.
type Answer[T any] struct {
	Client Client
	Value  T
}

// NoAnswer tells of a client that has not answered, and why.
type NoAnswer struct {
	Client Client
	// Err is [ErrClosed] when it has left, [ErrQueueFull] or [ErrTooManyCalls]
	// when it could not be asked, the error of ctx when it was too slow, and an
	// [*Error] when its answer did not decode.
	Err error
}

// CallAll sends req to every client of a broadcast and gathers the answers, as
// [Broadcast.Call] does. An answer that does not decode is no error: its client
// is missing.
//
//	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
//	defer cancel()
//	votes, err := Vote.CallAll(ctx, g.Server.To("board"), Question{"Adopt?"})
//	for _, v := range votes.Answered {
//		count(v.Client, v.Value)
//	}
func (e CallEvent[Req, Res]) CallAll(ctx context.Context, to Broadcast, req Req) (Results[Res], error) {
	raw, err := to.Call(ctx, e.name, req, e.opts...)
	res := Results[Res]{Missing: raw.Missing}
	if len(raw.Answered) > 0 {
		res.Answered = make([]Answer[Res], 0, len(raw.Answered))
	}
	for _, a := range raw.Answered {
		var v Res
		if err := a.Value.Decode(&v); err != nil {
			res.Missing = append(res.Missing, NoAnswer{a.Client, err})
			continue
		}
		res.Answered = append(res.Answered, Answer[Res]{a.Client, v})
	}
	return res, err
}

// waiter waits for a client's answer. It is told once, by whoever took it out of
// the session's calls.
type waiter interface {
	answer(p Payload)
	hangUp() // the client has left
}

// expect registers a call under a new number.
func (s *session) expect(w waiter) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.gone:
		return 0, ErrClosed
	case len(s.calls) >= maxCalls:
		return 0, ErrTooManyCalls
	case s.calls == nil:
		s.calls = map[uint64]waiter{}
	}
	s.nextCall++
	s.calls[s.nextCall] = w
	return s.nextCall, nil
}

// unexpect takes a call back, if it has not been answered.
func (s *session) unexpect(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.calls[id]; ok {
		delete(s.calls, id)
		s.unanswered++ // the answer may still come
	}
}

// hangUp ends the client's context, and the calls that it will not answer.
func (s *session) hangUp(cause error) {
	s.cancel(cause)
	s.endCalls()
}

func (s *session) endCalls() {
	s.mu.Lock()
	calls := s.calls
	s.calls, s.gone = nil, true
	s.mu.Unlock()
	for _, w := range calls {
		w.hangUp()
	}
}

func (s *session) Ack(id uint64, p Payload) {
	s.mu.Lock()
	w := s.calls[id]
	delete(s.calls, id)
	late := w == nil && s.unanswered > 0
	if late {
		s.unanswered--
	}
	ignored := late || s.gone
	s.mu.Unlock()
	switch {
	case w != nil:
		w.answer(p)
	case !ignored:
		s.blame(errNotAsked)
	}
}

var errNotAsked = &Error{Message: "Answer to a call that there is not", Code: CodeBadMessage}

// soleCall is the call of one client; closed when it has left.
type soleCall chan Payload

func (c soleCall) answer(p Payload) { c <- p }
func (c soleCall) hangUp()          { close(c) }

func (s *session) Call(ctx context.Context, event string, data any, opts ...EmitOption) (Payload, error) {
	out := newOutgoing(event, data, opts)
	out.codec = s.ep.rt.codec
	answer := make(soleCall, 1)
	id, err := s.expect(answer)
	if err != nil {
		return Payload{}, err
	}
	defer s.unexpect(id)
	err = s.ep.intercept(out, s, nil, func(out *Outgoing) error { return s.conn.Emit(out, id) })
	if err != nil {
		return Payload{}, err
	}
	s.yield()
	select {
	case p, ok := <-answer:
		if !ok {
			return Payload{}, ErrClosed
		}
		return p, nil
	case <-ctx.Done():
		return Payload{}, context.Cause(ctx)
	}
}

// gathering is the calls of one broadcast.
type gathering struct {
	done chan struct{} // closed when every call has ended

	mu      sync.Mutex
	pending int
	answers Answers
}

// branch is the call of one client of a gathering.
type branch struct {
	g     *gathering
	s     *session
	id    uint64
	ended bool // guarded by g.mu
}

func (b *branch) answer(p Payload) { _ = b.end(p, nil) }
func (b *branch) hangUp()          { _ = b.end(Payload{}, ErrClosed) }

// end reports whether the call had not ended before.
func (b *branch) end(p Payload, err error) bool {
	g := b.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.ended {
		return false
	}
	b.ended = true
	if err != nil {
		g.answers.Missing = append(g.answers.Missing, NoAnswer{b.s, err})
	} else {
		g.answers.Answered = append(g.answers.Answered, Answer[Payload]{b.s, p})
	}
	if g.pending--; g.pending == 0 {
		close(g.done)
	}
	return true
}

func (b *broadcast) Call(ctx context.Context, event string, data any, opts ...EmitOption) (Answers, error) {
	out := newOutgoing(event, data, opts)
	g := &gathering{done: make(chan struct{}), pending: 1} // until all have been asked
	var asked [][]branch
	err := b.each(out, func(one *broadcast, out *Outgoing) error {
		targets := one.collect(false)
		if err := encodeFor(targets, out); err != nil {
			return err
		}
		asked = append(asked, g.ask(ctx, targets, out))
		return nil
	})
	if g.leave() || len(asked) == 0 {
		return g.answers, err
	}
	select {
	case <-g.done:
		return g.answers, err
	case <-ctx.Done():
	}
	late, all := 0, 0
	for _, branches := range asked {
		all += len(branches)
		for i := range branches {
			branches[i].s.unexpect(branches[i].id)
			if branches[i].end(Payload{}, context.Cause(ctx)) {
				late++
			}
		}
	}
	// Every branch has ended, so nobody writes to the answers any more.
	if late == 0 {
		return g.answers, err
	}
	return g.answers, fmt.Errorf("websockets: call %q: %d of %d clients have not answered: %w", event, late, all, errors.Join(context.Cause(ctx), err))
}

// leave takes back one of what is waited for, and reports whether it was the last.
func (g *gathering) leave() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending--
	if g.pending == 0 {
		close(g.done)
	}
	return g.pending == 0
}

// ask calls the clients, until ctx ends.
func (g *gathering) ask(ctx context.Context, targets []*session, out *Outgoing) []branch {
	g.mu.Lock()
	g.pending += len(targets)
	g.mu.Unlock()
	branches := make([]branch, len(targets))
	for i, s := range targets {
		branches[i] = branch{g: g, s: s}
	}
	for i := range branches {
		if ctx.Err() != nil {
			break
		}
		branches[i].ask(out)
	}
	return branches
}

// yield lets the client's answer be read, if its own reading goroutine is here.
func (s *session) yield() {
	if y, ok := s.conn.(Yielder); ok {
		y.Yield()
	}
}

func (b *branch) ask(out *Outgoing) {
	var err error
	if b.id, err = b.s.expect(b); err == nil {
		err = b.s.conn.Emit(out, b.id)
	}
	if err != nil {
		b.s.unexpect(b.id)
		b.end(Payload{}, err)
		return
	}
	b.s.yield()
}
