package web

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// recovering puts a recovery around middleware: it runs before the pipeline, whose
// own does not reach that far.
func (c *bound) recovering(middlewares []func(http.Handler) http.Handler) []func(http.Handler) http.Handler {
	if c.alone || len(middlewares) == 0 {
		return middlewares
	}
	return append([]func(http.Handler) http.Handler{c.recovery}, middlewares...)
}

func (c *bound) recovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &tracker{ResponseWriter: w}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == any(http.ErrAbortHandler) {
				panic(v) //nolint:forbidigo // the server's own signal, which is its to handle
			}
			c.log.ErrorContext(r.Context(), "panic in middleware", "method", r.Method, "path", r.URL.Path,
				"controller", c.name, "error", fmt.Sprintf("panic: %v", v), "stack", string(debug.Stack()))
			if !t.began {
				_ = writeFailure(w, r, internal(), http.StatusInternalServerError) // two strings always encode
			}
		}()
		next.ServeHTTP(t.writer(), r)
	})
}
