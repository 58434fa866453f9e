package pipeline

import "context"

// Interceptor wraps the handling of requests and messages, including decoding and
// pipes: it can measure, cache, and replace results and errors. It does not wrap
// connections, and sees errors before the filters; see [OutcomeInterceptor].
//
// next continues the call and returns the handler's result. Intercept may call it any
// number of times, one after the other, but not after it has returned. The result of
// Intercept replaces the handler's. next returns nil for a handler without a result and
// for an [http.HandlerFunc], which has already answered; return nil to keep it so. When
// next returns nil for a stream, all items have been sent; see [ItemInterceptor].
type Interceptor interface {
	Intercept(ctx context.Context, c *Call, next Next) (any, error)
}

// Next continues a call.
type Next func(ctx context.Context) (any, error)

// InterceptorFunc is a function that implements [Interceptor].
//
//	timing := pipeline.InterceptorFunc(func(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
//		start := time.Now()
//		result, err := next(ctx)
//		latency.Observe(c.Pattern, time.Since(start))
//		return result, err
//	})
type InterceptorFunc func(ctx context.Context, c *Call, next Next) (any, error)

// Intercept implements [Interceptor].
func (f InterceptorFunc) Intercept(ctx context.Context, c *Call, next Next) (any, error) {
	return f(ctx, c, next)
}

// ItemInterceptor is an interceptor that also receives each item of a stream before it
// is sent. Its result replaces the item; an error ends the stream.
type ItemInterceptor interface {
	Interceptor
	InterceptItem(ctx context.Context, c *Call, item any) (any, error)
}

// DenialInterceptor is an interceptor that also receives the calls and connections that
// a guard denied, with the guard's error. The error that it returns is sent to the
// client; return nil to keep err.
type DenialInterceptor interface {
	Interceptor
	InterceptDenial(ctx context.Context, c *Call, err error) error
}

// Map returns an interceptor that replaces results and stream items with those of f.
func Map(f func(ctx context.Context, c *Call, result any) (any, error)) Interceptor {
	return mapper{f}
}

type mapper struct {
	f func(context.Context, *Call, any) (any, error)
}

var _ ItemInterceptor = mapper{}

func (m mapper) Intercept(ctx context.Context, c *Call, next Next) (any, error) {
	v, err := next(ctx)
	if err != nil || v == nil {
		return v, err
	}
	return m.f(ctx, c, v)
}

func (m mapper) InterceptItem(ctx context.Context, c *Call, item any) (any, error) {
	return m.f(ctx, c, item)
}

// Emission is an event that the server sends to clients. An [EmitInterceptor] may
// change Event and Data.
type Emission struct {
	// Event is the name of the event.
	Event string
	// Data is the payload before encoding. It may be shared: replace it instead of
	// changing what it points to.
	Data any
	// Client is the recipient, a websockets.Client; nil for a broadcast.
	Client Holder
	// Rooms are those of a broadcast; none means all clients, or clients selected by id.
	Rooms []string
	// Platform, Path and Namespace are those of the endpoint whose clients it goes to.
	Platform, Path, Namespace string

	ctx context.Context
}

// NewEmission returns e with a context.
func NewEmission(ctx context.Context, e Emission) *Emission {
	e.ctx = ctx
	return &e
}

// Context is that of the sender. It carries values such as a trace; that it has ended does not
// stop the event.
func (e *Emission) Context() context.Context {
	if e.ctx == nil {
		return context.Background()
	}
	return e.ctx
}

// EmitInterceptor is an interceptor that also wraps events sent by the server: Emit to
// a client, broadcasts, the Response of a handler, and calls. It runs once per emit and
// endpoint, not once per client of a broadcast, and not for acks, replies and errors.
// Bound to the application or a gateway it receives the events of its endpoints; bound
// to a handler it receives none.
//
// next sends e with its current fields; without calling it the event is dropped. The
// error is returned to the sender, also for a broadcast.
type EmitInterceptor interface {
	Interceptor
	InterceptEmit(e *Emission, next func() error) error
}

// EmitFunc returns an [EmitInterceptor] that calls f for events and does not change
// the handling of requests and messages.
//
//	counted := pipeline.EmitFunc(func(e *pipeline.Emission, next func() error) error {
//		emitted.Inc(e.Event)
//		return next()
//	})
func EmitFunc(f func(e *Emission, next func() error) error) Interceptor { return emitFunc{f} }

type emitFunc struct {
	f func(*Emission, func() error) error
}

var _ EmitInterceptor = emitFunc{}

func (emitFunc) Intercept(ctx context.Context, _ *Call, next Next) (any, error) { return next(ctx) }

func (i emitFunc) InterceptEmit(e *Emission, next func() error) error { return i.f(e, next) }
