package pipeline

import (
	"context"
	"net/http"
	"runtime/debug"
)

// Recovery returns an interceptor that recovers panics of the handler, of pipes and of
// inner interceptors, and returns the error of f instead. Use it to report panics. The
// framework recovers panics without it too: it logs them and answers "Internal server
// error". [http.ErrAbortHandler] is not recovered.
//
//	pipeline.Recovery(func(ctx context.Context, c *pipeline.Call, value any, stack []byte) error {
//		reports.Send(ctx, c.Pattern, value, stack)
//		return errCrashed
//	})
func Recovery(f func(ctx context.Context, c *Call, value any, stack []byte) error) Interceptor {
	return InterceptorFunc(func(ctx context.Context, c *Call, next Next) (v any, err error) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p) //nolint:forbidigo // net/http's own way to end a request
			default:
				v, err = nil, f(ctx, c, p, debug.Stack())
			}
		}()
		return next(ctx)
	})
}
