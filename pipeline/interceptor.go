package pipeline

import "context"

// Interceptor wraps the handling of requests and messages, pipes and decoding
// included: it measures, caches, replaces results and errors. It does not wrap
// connections.
//
// Next goes on and gives what the handler returned; it may be called never, once,
// or several times in turn, but not once Intercept has returned. What Intercept returns takes the place of the result.
// A handler without a result gives nil, and so does an [http.HandlerFunc], which
// has answered by then; returning nil in its place leaves it so. A stream has been
// sent when next returns nil; see [ItemInterceptor].
type Interceptor interface {
	Intercept(ctx context.Context, c *Call, next Next) (any, error)
}

// Next goes on with a call.
type Next func(ctx context.Context) (any, error)

// InterceptorFunc is a function as an interceptor.
//
//	timing := pipeline.InterceptorFunc(func(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
//		begin := time.Now()
//		result, err := next(ctx)
//		latency.Observe(c.Pattern, time.Since(begin))
//		return result, err
//	})
type InterceptorFunc func(ctx context.Context, c *Call, next Next) (any, error)

// Intercept implements [Interceptor].
func (f InterceptorFunc) Intercept(ctx context.Context, c *Call, next Next) (any, error) {
	return f(ctx, c, next)
}

// ItemInterceptor is an interceptor that also sees each item of a stream, before
// it is sent. What it returns is sent in its place; an error ends the stream.
type ItemInterceptor interface {
	Interceptor
	InterceptItem(ctx context.Context, c *Call, item any) (any, error)
}

// DenialInterceptor is an interceptor that also sees the calls, and connections,
// that a guard has denied, with the guard's error. The error that it returns is
// told to the client; nil stands for err.
type DenialInterceptor interface {
	Interceptor
	InterceptDenial(ctx context.Context, c *Call, err error) error
}

// Map makes an interceptor that replaces results and stream items by f.
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
	// Event is its name.
	Event string
	// Data is the payload before it is encoded. It may be shared: replace it
	// rather than change what it points to.
	Data any
	// Client is the one that it goes to; nil in a broadcast. It is a
	// websockets.Client.
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

// EmitInterceptor is an interceptor that also wraps what the server sends by
// itself: Emit to a client, a broadcast, the Response of a handler, and calls. It
// is called once for each of them and each endpoint, not once for each client of a
// broadcast, and not for acks, replies and errors. What is bound to an application or a gateway
// sees the events of its endpoints; at a handler it sees none.
//
// Next sends e as it is then; without it the event is dropped. An error is the
// sender's, of a broadcast too.
type EmitInterceptor interface {
	Interceptor
	InterceptEmit(e *Emission, next func() error) error
}

// EmitFunc makes an [EmitInterceptor] of f that leaves handlers alone.
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
