package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// finish answers, unless the handler has.
func (x *exchange) finish(body []byte, err error) {
	switch {
	case err != nil:
		x.fail(err)
	case body != nil && x.began:
		x.ep.log.ErrorContext(x.ctx, "an interceptor's result was not sent: the handler has answered already", x.attrs(nil)...)
	case body != nil:
		status := x.status
		if t := x.ep.typed; t != nil { // also of an interceptor that has not gone on
			status = t.statusFor(x.r.Method)
		}
		if status == 0 {
			status = http.StatusOK
		}
		x.Header().Del("Content-Type")
		write(x.ResponseWriter, x.r, status, body)
	case x.began, x.reached && !x.left:
	case x.empty != 0:
		x.ResponseWriter.WriteHeader(x.empty)
	default:
		x.ResponseWriter.WriteHeader(http.StatusNoContent)
	}
}

// fail tells the client of an error, and the log of one that is not for clients.
func (x *exchange) fail(err error) {
	e := x.ep.chain.Catch(x.ctx, &x.call, err, x.ep.log)
	if e == nil && x.outer != nil && x.outer.reaches(x.ResponseWriter) && !x.began {
		// The router around this one has filters of its own.
		x.outer.err, x.outer.left = err, true
		x.outer.denied = x.outer.denied || x.denied
		return
	}
	logged := false
	if e == nil {
		e = visible(err)
	}
	if e == nil {
		if errors.Is(err, context.Canceled) && x.r.Context().Err() != nil {
			x.ep.log.DebugContext(x.ctx, "the client has left", x.attrs(err)...)
			return
		}
		x.ep.log.ErrorContext(x.ctx, "request failed", x.attrs(err)...)
		logged, e = true, internal()
	}
	if x.began {
		if !logged {
			x.ep.log.ErrorContext(x.ctx, "an error was not sent: the handler has answered already", x.attrs(err)...)
		}
		return
	}
	status := http.StatusBadRequest
	if x.denied {
		status = http.StatusForbidden
	}
	if err := writeFailure(x.ResponseWriter, x.r, e, status); err != nil {
		x.ep.log.ErrorContext(x.ctx, "an error was sent without its details or body", x.attrs(err)...)
	}
}

// attrs say which request a line of the log is about.
func (x *exchange) attrs(err error) []any {
	args := []any{"pattern", x.call.Pattern, "controller", x.ep.name}
	if err != nil {
		args = append(args, "error", err)
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		args = append(args, "stack", string(p.stack))
	}
	return args
}

// visible is the part of err that the client may see; nil when there is none.
func visible(err error) *pipeline.Error {
	if e, ok := errors.AsType[*pipeline.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(e.Limit, err)
	}
	return nil
}
