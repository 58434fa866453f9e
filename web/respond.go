package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// respond sends the response, unless the handler has done so. It returns the error that it
// has sent, if any.
func (x *exchange) respond(body []byte, err error) *pipeline.Error {
	switch {
	case err != nil:
		return x.respondError(err)
	case body != nil && x.started:
		x.ep.log.ErrorContext(x.ctx, "the result of an interceptor was not sent: the handler has already sent a response", x.attrs(nil)...)
	case body != nil:
		status := x.status
		if t := x.ep.jsonHandler; t != nil { // also for the result of an interceptor that did not call next
			status = t.statusFor(x.r.Method)
		}
		x.Header().Del("Content-Type")
		write(&x.tracker, x.r, cmp.Or(status, http.StatusOK), body)
	case x.started:
	case x.called && !x.hasResult:
		x.sent = http.StatusOK // net/http sends it for a handler that has written nothing
	case x.emptyStatus != 0:
		x.WriteHeader(x.emptyStatus)
	default:
		x.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// respondError sends an error to the client, and logs it if the client must not see it. It
// returns what it has sent; nil if nothing.
func (x *exchange) respondError(err error) *pipeline.Error {
	e := x.ep.chain.Catch(x.ctx, &x.call, err, x.ep.log)
	if e == nil && x.outer != nil && x.outer.writesTo(x.ResponseWriter) && !x.started {
		// The outer router applies its filters.
		x.outer.err, x.outer.hasResult = err, true
		x.outer.denied = x.outer.denied || x.denied
		return nil
	}
	logged := false
	if e == nil {
		e = clientError(err)
	}
	if e == nil {
		if errors.Is(err, context.Canceled) && x.r.Context().Err() != nil {
			x.ep.log.DebugContext(x.ctx, "request canceled: the client has disconnected", x.attrs(err)...)
			return nil //nolint:nilerr // nothing is sent to a client that has disconnected
		}
		x.ep.log.ErrorContext(x.ctx, "request failed", x.attrs(err)...)
		logged, e = true, internalError()
	}
	if x.started {
		if !logged {
			x.ep.log.ErrorContext(x.ctx, "an error was not sent: the handler has already sent a response", x.attrs(err)...)
		}
		return nil
	}
	status := http.StatusBadRequest
	if x.denied {
		status = http.StatusForbidden
	}
	writeErrorBody(&x.tracker, x.r, e, status, func(o httperr.Omission) { o.Log(x.ctx, x.ep.log, e, x.attrs(nil)...) })
	return e
}

// attrs returns the log attributes of the request.
func (x *exchange) attrs(err error) []any {
	args := []any{"pattern", logsample.Route(x.call.Pattern), "controller", x.ep.name}
	if err != nil {
		args = append(args, "error", err)
	}
	if p, ok := errors.AsType[*recovered.PanicError](err); ok {
		args = append(args, p.Where()...)
	}
	return args
}

// clientError returns the error that the client may see; nil if there is none in err.
func clientError(err error) *pipeline.Error {
	if e, ok := errors.AsType[*pipeline.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(e.Limit, err)
	}
	return nil
}
