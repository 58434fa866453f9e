package enhance

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Chain is all that stands before and behind one handler, or one door.
type Chain struct {
	guards       []pipeline.Guard
	interceptors []pipeline.Interceptor
	pipes        []pipeline.Pipe
	filters      []pipeline.Filter // in the order in which they are asked
	items        []pipeline.ItemInterceptor
	denials      []pipeline.DenialInterceptor // the inmost first
	emits        []pipeline.EmitInterceptor

	Handler, Owner pipeline.Metadata
}

// Link makes the chain of the three scopes; what is not there is empty.
func Link(global, owner, handler Scope) *Chain {
	c := &Chain{
		guards:       slices.Concat(global.Guards, owner.Guards, handler.Guards),
		interceptors: slices.Concat(global.Interceptors, owner.Interceptors, handler.Interceptors),
		pipes:        slices.Concat(global.Pipes, owner.Pipes, handler.Pipes),
		filters:      slices.Concat(handler.Filters, owner.Filters, global.Filters),
		Handler:      handler.Meta,
		Owner:        owner.Meta,
	}
	for _, i := range c.interceptors {
		if emit, ok := i.(pipeline.EmitInterceptor); ok {
			c.emits = append(c.emits, emit)
		}
	}
	for _, i := range slices.Backward(c.interceptors) {
		if item, ok := i.(pipeline.ItemInterceptor); ok {
			c.items = append(c.items, item)
		}
		if denial, ok := i.(pipeline.DenialInterceptor); ok {
			c.denials = append(c.denials, denial)
		}
	}
	return c
}

// Bare reports whether nothing stands before the handler.
func (c *Chain) Bare() bool {
	return len(c.guards) == 0 && len(c.interceptors) == 0 && len(c.pipes) == 0
}

// Guards are all guards, in order.
func (c *Chain) Guards() []pipeline.Guard { return c.guards }

// WithGuards gives the chain with the guards and the metadata of s in place of its own.
func (c *Chain) WithGuards(s Scope) *Chain {
	other := *c
	other.guards, other.Owner = s.Guards, s.Meta
	return &other
}

// Guarded reports whether there are guards.
func (c *Chain) Guarded() bool { return len(c.guards) > 0 }

// Filtered reports whether there are filters.
func (c *Chain) Filtered() bool { return len(c.filters) > 0 }

// Check asks the guards. Interceptors that want to may see the denial.
func (c *Chain) Check(ctx context.Context, call *pipeline.Call) error {
	for _, g := range c.guards {
		err := g.Check(ctx, call)
		if err == nil {
			continue
		}
		for _, d := range c.denials {
			if other := d.InterceptDenial(ctx, call, err); other != nil {
				err = other
			}
		}
		return err
	}
	return nil
}

// Run asks the guards, then runs the interceptors around final.
func (c *Chain) Run(ctx context.Context, call *pipeline.Call, final pipeline.Next) (any, error) {
	if err := c.Check(ctx, call); err != nil {
		return nil, err
	}
	return new(Run).Do(ctx, c, call, final)
}

// Run is one call on its way through the interceptors. It is a value so that
// callers can keep it in what they allocate anyway.
type Run struct {
	chain *Chain
	call  *pipeline.Call
	final pipeline.Next
	next  pipeline.Next
	at    int // the interceptor that next leads to
}

// Do runs the interceptors around final.
func (r *Run) Do(ctx context.Context, c *Chain, call *pipeline.Call, final pipeline.Next) (any, error) {
	if len(c.interceptors) == 0 {
		return final(ctx)
	}
	r.chain, r.call, r.final, r.at = c, call, final, 0
	r.next = r.step
	return r.step(ctx)
}

func (r *Run) step(ctx context.Context) (any, error) {
	at := r.at
	if at == len(r.chain.interceptors) {
		return r.final(ctx)
	}
	r.at++
	defer func() { r.at = at }() // an interceptor may go on once more, after a panic too
	return r.chain.interceptors[at].Intercept(ctx, r.call, r.next)
}

// Item shows an item of a stream to the interceptors that want to see it, the
// inmost first.
func (c *Chain) Item(ctx context.Context, call *pipeline.Call, v any) (any, error) {
	for _, i := range c.items {
		var err error
		if v, err = i.InterceptItem(ctx, call, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// WantsItems reports whether an interceptor sees the items of streams.
func (c *Chain) WantsItems() bool { return len(c.items) > 0 }

// EmitInterceptors are those that see what the server sends.
func (c *Chain) EmitInterceptors() []pipeline.EmitInterceptor { return c.emits }

// Transform runs the pipes over a decoded payload, which v points to.
func (c *Chain) Transform(ctx context.Context, call *pipeline.Call, v any) error {
	for _, p := range c.pipes {
		if err := p.Transform(ctx, call, v); err != nil {
			return err
		}
	}
	return nil
}

// Catch gives what the client is told of err by the first filter that takes it; nil when none does.
func (c *Chain) Catch(ctx context.Context, call *pipeline.Call, err error, log *slog.Logger) *pipeline.Error {
	for _, f := range c.filters {
		if e, ok := try(ctx, call, err, f, log); e != nil || !ok {
			return e
		}
	}
	return nil
}

// try asks one filter; not ok when it has failed, and the default answers.
func try(ctx context.Context, call *pipeline.Call, err error, f pipeline.Filter, log *slog.Logger) (e *pipeline.Error, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			log.Error("panic in a filter", "pattern", call.Pattern, "name", call.Name, "error", err, "panic", v, "stack", string(debug.Stack()))
			e, ok = nil, false
		}
	}()
	return f.Catch(ctx, call, err), true
}

// Validator gives what asks a payload of type T itself; nil when T cannot tell.
func Validator[T any]() func(*T) error {
	type validator interface{ Validate() error }
	if _, ok := any((*T)(nil)).(validator); ok {
		return func(p *T) error { return Refusal(any(p).(validator).Validate()) }
	}
	// T is a pointer or an interface that has the method.
	var zero T
	if _, ok := any(zero).(validator); ok {
		return func(p *T) error {
			v, ok := any(*p).(validator)
			if !ok || any(*p) == any(zero) { // null was sent
				return nil
			}
			return Refusal(v.Validate())
		}
	}
	return nil
}

// Refusal is the error of a payload that has refused itself: what it says is for
// the client.
func Refusal(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*pipeline.Error](err); ok {
		return err
	}
	return &pipeline.Error{
		Message: "Bad payload: " + err.Error(), Code: pipeline.CodeBadPayload, Status: http.StatusBadRequest, Err: err,
	}
}
