package web

import (
	"log/slog"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// Handle returns a handler that writes its response and may return an error. Interceptors
// and filters receive the error, and it is answered like that of any handler. If h has
// started the response, the error is only logged.
//
//	r.Get("/{id}.csv", web.Handle(c.export))
//
// On other routers than that of Routes, the handler answers errors itself and logs to
// slog.Default.
func Handle(h func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	if h == nil {
		return nil // registering it is a start error
	}
	return (&errorHandler{h}).serve
}

// errorHandler is a handler of Handle.
type errorHandler struct {
	h func(w http.ResponseWriter, r *http.Request) error
}

func (t *errorHandler) serve(w http.ResponseWriter, r *http.Request) {
	if p, ok := w.(*identifyWriter); ok {
		p.fn = identity.FuncName(t.h)
		return
	}
	x := exchangeFrom(r.Context())
	if x == nil {
		e := newEndpoint(pipe.Scope{}, pipe.Scope{}, pipe.Scope{})
		e.log, e.handler = slog.Default(), http.HandlerFunc(t.serve)
		e.ServeHTTP(w, r)
		return
	}
	err := t.h(w, r)
	switch {
	case err == nil:
	case x.writesTo(w):
		x.err, x.hasResult = err, true
	default:
		own := &exchange{ep: x.ep, r: r, ctx: r.Context(), call: x.call, tracker: tracker{ResponseWriter: w}}
		own.respond(nil, err)
	}
}
