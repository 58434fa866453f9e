// Package hijack reports whether the connection of a request can be taken over from the
// HTTP server, and which middleware prevents it.
package hijack

import (
	"context"
	"net/http"
)

// maxDepth limits how many ResponseWriters may wrap each other.
const maxDepth = 100

// Possible reports whether the innermost of the ResponseWriters that wrap each other is an
// [http.Hijacker]. Those around it need the method Unwrap, as for [http.ResponseController];
// their own Hijack says nothing: many have one that fails without one below.
func Possible(w http.ResponseWriter) bool {
	hijacker := false
	each(w, func(w http.ResponseWriter) bool {
		_, hijacker = w.(http.Hijacker)
		return true
	})
	return hijacker
}

// Find returns the outermost of w and the ResponseWriters that it wraps which has the
// methods of T.
func Find[T any](w http.ResponseWriter) (found T, ok bool) {
	each(w, func(w http.ResponseWriter) bool {
		found, ok = w.(T)
		return !ok
	})
	return found, ok
}

// each calls f with w and the ResponseWriters that it wraps, until f returns false.
func each(w http.ResponseWriter, f func(http.ResponseWriter) bool) {
	for range maxDepth {
		if !f(w) {
			return
		}
		u, wraps := w.(interface{ Unwrap() http.ResponseWriter })
		if !wraps {
			return
		}
		w = u.Unwrap()
	}
}

type hiddenKey struct{}

// WithHidden returns r with the name of the middleware whose ResponseWriter hides Hijack.
func WithHidden(r *http.Request, by string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), hiddenKey{}, by))
}

// HiddenBy returns the name that [WithHidden] has set; "" without one.
func HiddenBy(r *http.Request) string {
	by, _ := r.Context().Value(hiddenKey{}).(string)
	return by
}
