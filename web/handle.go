package web

import (
	"log/slog"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// Handle makes a handler that writes its answer itself and may fail: the error goes
// to interceptors and filters, and is answered as that of any handler. When h has
// begun to answer, the error is logged only.
//
//	r.Get("/{id}.csv", web.Handle(c.export))
//
// Outside of the router that Routes is given it answers by itself, and logs to
// slog.Default.
func Handle(h func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	if h == nil {
		return nil // which is an error of the start where it is registered
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
		case x.reaches(w):
			x.err, x.left = err, true
		default:
			own := &exchange{ep: x.ep, r: r, ctx: r.Context(), call: x.call, tracker: tracker{ResponseWriter: w}}
			own.finish(nil, err)
		}
	}
}
