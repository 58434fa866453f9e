package web

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

// withRecovery prepends a middleware that recovers panics: middleware runs before the
// pipeline, which recovers those of handlers.
func (c *registrar) withRecovery(middlewares []func(http.Handler) http.Handler) []func(http.Handler) http.Handler {
	if c.standalone || len(middlewares) == 0 {
		return middlewares
	}
	return append([]func(http.Handler) http.Handler{c.recoverPanics}, middlewares...)
}

func (c *registrar) recoverPanics(next http.Handler) http.Handler {
	return Recover(c.log.With("controller", c.name), next)
}

// Recover answers panics in next with 500, if no response has started, and logs them. It
// is meant for package app.
func Recover(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &tracker{ResponseWriter: w}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == any(http.ErrAbortHandler) {
				panic(v) //nolint:forbidigo // net/http's own way to abort a request
			}
			log.ErrorContext(r.Context(), "panic in middleware",
				append([]any{"method", r.Method, "path", r.URL.Path, "error", fmt.Sprintf("panic: %v", v)}, recovered.New(v).Where()...)...)
			if !t.started {
				writeErrorBody(w, r, internalError(), http.StatusInternalServerError, nil)
			}
		}()
		next.ServeHTTP(t.writer(), r)
	})
}
