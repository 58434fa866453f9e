package pipeline

import (
	"context"
	"time"
)

// Outcome is how a call has ended.
type Outcome struct {
	// Err is the error of the handler, a guard, a pipe or an interceptor; nil if the call
	// has succeeded.
	Err error
	// Client is the error that the client has received, after the filters; nil without
	// Err, and if no error was sent: the client has left, the response had started, or a
	// message without a handler asked for no answer.
	Client *Error
	// Status is the HTTP status of the response. It is 0 for messages, for connections
	// that were not refused over HTTP, and if the framework sent no response because the
	// client has left or the handler has hijacked the connection.
	Status int
	// Denied reports whether a guard, or a check of websockets.Admit, has returned Err.
	Denied bool
	// Took is the time from the first guard until the answer.
	Took time.Duration
}

// OutcomeInterceptor is an interceptor that is also called once for every request and
// message, after the answer has been sent, and once for every connection that a guard, a
// check of websockets.Admit or HandleConnection has refused. It sees what the filters have
// made of an error, and the HTTP status.
//
// Bound to the application, it is also called for requests without a route or gateway (404,
// 405) and for events without a handler. Their Call has no Name, and its Pattern is empty for
// requests, and chosen by the client for events. Refused connections are reported to
// interceptors of the application and of the gateway, before the refusal is sent. c must
// not be kept.
type OutcomeInterceptor interface {
	Interceptor
	Outcome(ctx context.Context, c *Call, o Outcome)
}

// OutcomeFunc returns an [OutcomeInterceptor] that calls f and does not change the
// handling of requests and messages.
//
//	counted := pipeline.OutcomeFunc(func(_ context.Context, c *pipeline.Call, o pipeline.Outcome) {
//		requests.WithLabelValues(string(c.Kind), c.Pattern, strconv.Itoa(o.Status)).Observe(o.Took.Seconds())
//	})
func OutcomeFunc(f func(ctx context.Context, c *Call, o Outcome)) Interceptor { return outcomeFunc{f} }

type outcomeFunc struct {
	f func(context.Context, *Call, Outcome)
}

var _ OutcomeInterceptor = outcomeFunc{}

func (outcomeFunc) Intercept(ctx context.Context, _ *Call, next Next) (any, error) { return next(ctx) }

func (i outcomeFunc) Outcome(ctx context.Context, c *Call, o Outcome) { i.f(ctx, c, o) }
