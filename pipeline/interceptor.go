package pipeline

import "context"

// Interceptor wraps the handling of requests and messages, pipes and decoding
// included: it measures, caches, replaces results and errors. It does not wrap
// connections.
//
// Next goes on and gives what the handler returned; it may be called never, once,
// or several times in turn. What Intercept returns takes the place of the result.
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
