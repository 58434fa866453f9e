package pipeline

import (
	"context"
	"errors"
)

// Filter converts an error into the error that the client gets. Return nil to leave it
// to the next filter. Filters of the handler run first, then those of the gateway or
// controller, then those of the application, each in the order in which they were
// bound. An error that no filter handles gets the default answer: an [*Error] is sent
// as it is; anything else is logged and answered with "Internal server error".
//
// Filters see the errors of guards, interceptors, pipes, handlers and
// HandleConnection, including decode errors and panics. Filters of the application
// also see the errors of messages that have no handler. The framework does not log an
// error that a filter handles.
type Filter interface {
	Catch(ctx context.Context, c *Call, err error) *Error
}

// FilterFunc is a function that implements [Filter].
type FilterFunc func(ctx context.Context, c *Call, err error) *Error

// Catch implements [Filter].
func (f FilterFunc) Catch(ctx context.Context, c *Call, err error) *Error { return f(ctx, c, err) }

// FilterOf returns a filter for errors that are, or wrap, an E, as errors.As finds it.
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

// FilterIs returns a filter that answers errors that match target, by errors.Is.
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
