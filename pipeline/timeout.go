package pipeline

import (
	"context"
	"errors"
	"net/http"
	"time"
)

var errTimeout = &Error{Message: "Timeout", Code: CodeTimeout, Status: http.StatusServiceUnavailable}

// Timeout returns an interceptor that cancels the context of pipes and handler after
// d. When the handler then returns the context's error, the answer is "Timeout" (code
// "timeout", status 503). A handler that ignores its context keeps running, and the
// client's next message waits for it. For a stream, d covers all items. d must be
// positive.
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
