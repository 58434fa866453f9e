package web

import (
	"log/slog"
	"net/http"

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
	return func(w http.ResponseWriter, r *http.Request) {
		x := exchangeFrom(r.Context())
		if x == nil {
			e := newEndpoint(pipe.Scope{}, pipe.Scope{}, pipe.Scope{})
			e.log, e.handler = slog.Default(), Handle(h)
			e.ServeHTTP(w, r)
			return
		}
		err := h(w, r)
		switch {
		case err == nil:
		case x.writesTo(w):
			x.err, x.hasResult = err, true
		default:
			own := &exchange{ep: x.ep, r: r, ctx: r.Context(), call: x.call, tracker: tracker{ResponseWriter: w}}
			_ = own.respond(nil, err)
		}
	}
}
