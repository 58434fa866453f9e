package pipeline

import (
	"context"
	"errors"
	"net/http"
	"time"
)

var errTimeout = &Error{Message: "Timeout", Code: CodeTimeout, Status: http.StatusServiceUnavailable}

// Timeout makes an interceptor that ends the context of pipes and handler after d,
// and answers "Timeout" (code "timeout", status 503) when the handler returns the
// context's error then. A handler that does not heed its context goes on, and its
// client's next message waits for it. Of a stream, d is the time for all of it. d
// must be positive.
//
//	websockets.On("report", g.Report, websockets.UseInterceptors(pipeline.Timeout(5*time.Second)))
func Timeout(d time.Duration) Interceptor {
	return InterceptorFunc(func(ctx context.Context, _ *Call, next Next) (any, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, d, errTimeout)
		defer cancel()
		v, err := next(ctx)
		if err != nil && errors.Is(context.Cause(ctx), errTimeout) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errTimeout)) {
			return nil, errTimeout
		}
		return v, err
	})
}
