package pipeline

import (
	"context"
	"errors"
)

// Filter turns an error into what the client is told. nil leaves it to the next
// filter: those of the handler are asked first, then those of the gateway or
// controller, then those of the application, each in the order in which they were
// bound. What no filter wants gets the default answer: an [*Error] as it is,
// anything else "Internal server error", logged.
//
// The errors are those of guards, interceptors, pipes, handlers and
// HandleConnection. Payloads that do not decode and panics are among them. The
// filters of the application also see what is answered to messages that no handler
// takes. An error that a filter takes is not logged by the framework.
type Filter interface {
	Catch(ctx context.Context, c *Call, err error) *Error
}

// FilterFunc is a function as a filter.
type FilterFunc func(ctx context.Context, c *Call, err error) *Error

// Catch implements [Filter].
func (f FilterFunc) Catch(ctx context.Context, c *Call, err error) *Error { return f(ctx, c, err) }

// FilterOf makes a filter of errors that are, or wrap, an E, as errors.As finds it.
//
//	notFound := pipeline.FilterOf(func(_ context.Context, _ *pipeline.Call, e *store.NotFoundError) *pipeline.Error {
//		return &pipeline.Error{Message: e.Kind + " not found", Code: "not_found", Status: http.StatusNotFound}
//	})
func FilterOf[E error](f func(ctx context.Context, c *Call, err E) *Error) Filter {
	return FilterFunc(func(ctx context.Context, c *Call, err error) *Error {
		if e, ok := errors.AsType[E](err); ok {
			return f(ctx, c, e)
		}
		return nil
	})
}

// FilterIs makes a filter that answers errors that are target, as errors.Is finds it.
//
//	pipeline.FilterIs(sql.ErrNoRows, &pipeline.Error{Message: "Not found", Status: http.StatusNotFound})
func FilterIs(target error, answer *Error) Filter {
	return FilterFunc(func(_ context.Context, _ *Call, err error) *Error {
		if errors.Is(err, target) {
			return answer
		}
		return nil
	})
}
