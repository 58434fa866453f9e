package pipe

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Chain is everything bound around one handler, or around the connections of one
// endpoint. It is immutable and safe for concurrent use.
type Chain struct {
	guards       []pipeline.Guard
	interceptors []pipeline.Interceptor
	pipes        []pipeline.Pipe
	filters      []pipeline.Filter             // handler first
	items        []pipeline.ItemInterceptor    // innermost first
	denials      []pipeline.DenialInterceptor  // innermost first
	outcomes     []pipeline.OutcomeInterceptor // innermost first
	emits        []pipeline.EmitInterceptor

	Handler, Owner pipeline.Metadata
}

// Link returns the chain of the three scopes.
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
		if outcome, ok := i.(pipeline.OutcomeInterceptor); ok {
			c.outcomes = append(c.outcomes, outcome)
		}
	}
	return c
}

// Bare reports whether the chain has no guards, interceptors and pipes.
func (c *Chain) Bare() bool {
	return len(c.guards) == 0 && len(c.interceptors) == 0 && len(c.pipes) == 0
}

// Guards returns all guards, in order.
func (c *Chain) Guards() []pipeline.Guard { return c.guards }

// WithGuards returns a copy of the chain with the guards and metadata of s.
func (c *Chain) WithGuards(s Scope) *Chain {
	other := *c
	other.guards, other.Owner = s.Guards, s.Meta
	return &other
}

// Guarded reports whether the chain has guards.
func (c *Chain) Guarded() bool { return len(c.guards) > 0 }

// Filtered reports whether the chain has filters.
func (c *Chain) Filtered() bool { return len(c.filters) > 0 }

// Check runs the guards until one denies the call. Denial interceptors may replace
// its error.
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

// Handler is around what the interceptors are: a method rather than a function, which would be one more allocation for each call.
type Handler interface {
	// Handle calls the handler and returns its result.
	Handle(ctx context.Context) (any, error)
}

// Run is the state of one call passing the interceptors. It is a struct so that
// callers can embed it in a value that they allocate anyway.
type Run struct {
	chain *Chain
	call  *pipeline.Call
	final Handler
	next  pipeline.Next
	at    int          // the interceptor that next calls
	over  atomic.Bool  // Do has returned
	steps atomic.Int32 // calls of next that have not returned
}

// Do runs the interceptors around final.
func (r *Run) Do(ctx context.Context, c *Chain, call *pipeline.Call, final Handler) (any, error) {
	if len(c.interceptors) == 0 {
		return final.Handle(ctx)
	}
	r.chain, r.call, r.final, r.at = c, call, final, 0
	r.next = r.step
	defer r.over.Store(true)
	return r.step(ctx)
}

var errOver = errors.New("pipeline: next was called after the handling had ended: call it before Intercept returns, or not at all")

// Running reports whether a call of next still runs, on another goroutine, after Do has
// returned: it may use the message.
func (r *Run) Running() bool { return r.steps.Load() > 0 }

func (r *Run) step(ctx context.Context) (any, error) {
	r.steps.Add(1) // before over is read: either this call ends here, or Running counts it
	defer r.steps.Add(-1)
	if r.over.Load() { // the message may be another client's by now
		return nil, errOver
	}
	at := r.at
	if at == len(r.chain.interceptors) {
		return r.final.Handle(ctx)
	}
	r.at++
	defer func() { r.at = at }() // an interceptor may call next again, also after a panic
	return r.chain.interceptors[at].Intercept(ctx, r.call, r.next)
}

// Item passes an item of a stream to the item interceptors, innermost first.
func (c *Chain) Item(ctx context.Context, call *pipeline.Call, v any) (any, error) {
	for _, i := range c.items {
		var err error
		if v, err = i.InterceptItem(ctx, call, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// WantsItems reports whether the chain has item interceptors.
func (c *Chain) WantsItems() bool { return len(c.items) > 0 }

// EmitInterceptors returns the interceptors of emitted events.
func (c *Chain) EmitInterceptors() []pipeline.EmitInterceptor { return c.emits }

// Transform runs the pipes on the decoded payload that v points to.
func (c *Chain) Transform(ctx context.Context, call *pipeline.Call, v any) error {
	for _, p := range c.pipes {
		if err := p.Transform(ctx, call, v); err != nil {
			return err
		}
	}
	return nil
}

// CheckType returns the error of the first pipe that cannot handle values of a type; see
// [pipeline.TypePipe].
func (c *Chain) CheckType(t reflect.Type) error {
	if t == nil {
		return nil
	}
	for _, p := range c.pipes {
		if typed, ok := p.(pipeline.TypePipe); ok {
			if err := typed.CheckType(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// Catch returns the client error of the first filter that handles err; nil when none
// does, or when a filter panics.
func (c *Chain) Catch(ctx context.Context, call *pipeline.Call, err error, log *slog.Logger) *pipeline.Error {
	for _, f := range c.filters {
		if e, ok := catch(ctx, call, err, f, log); e != nil || !ok {
			return e
		}
	}
	return nil
}

// catch calls one filter and logs its panic; ok is false then.
func catch(ctx context.Context, call *pipeline.Call, err error, f pipeline.Filter, log *slog.Logger) (e *pipeline.Error, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			log.ErrorContext(ctx, "panic in a filter", append([]any{"pattern", logged(call), "name", call.Name, "error", err}, recovered.New(v).Attrs()...)...)
			e, ok = nil, false
		}
	}()
	return f.Catch(ctx, call, err), true
}
