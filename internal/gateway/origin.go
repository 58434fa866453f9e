package gateway

import (
	"net/http"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// errForeignOrigin is what platforms answer.
var errForeignOrigin = &websockets.Error{
	Message: "Origin is not allowed", Code: websockets.CodeForeignOrigin, Status: http.StatusForbidden,
}

// originChecked returns the check with panics recovered: they are logged and refuse the page.
func (s *boundServer) originChecked(check func(*http.Request) bool) func(*http.Request) bool {
	return func(r *http.Request) (ok bool) {
		defer func() {
			if v := recover(); v != nil {
				s.log.ErrorContext(r.Context(), "panic in CheckOrigin", append([]any{"origin", r.Header.Get("Origin")}, recovered.New(v).Attrs()...)...)
				ok = false
			}
			if !ok {
				if n := s.foreign.Count(); n > 0 {
					s.log.WarnContext(r.Context(), "a page of another origin is refused: allow it with websockets.Origins",
						"origin", r.Header.Get("Origin"), "host", r.Host, "refused", n)
				}
				s.observeRefused(r, observe.StageOrigin, errForeignOrigin)
			}
		}()
		return check(r)
	}
}

// originCheck returns the check for declared origins. Without any, a page may connect to the
// host it was loaded from.
func originCheck(declared []origin.Pattern) func(*http.Request) bool {
	if slices.ContainsFunc(declared, func(p origin.Pattern) bool { return p.Kind == origin.Any }) {
		return func(*http.Request) bool { return true }
	}
	return func(r *http.Request) bool {
		values := r.Header.Values("Origin")
		if len(values) == 0 {
			return true // not a browser; there is no cookie of a victim to ride on
		}
		o, ok := origin.Parse(values[0])
		if len(values) > 1 || !ok {
			return false
		}
		return o.SameHost(r.Host) || slices.ContainsFunc(declared, func(p origin.Pattern) bool { return p.Matches(o) })
	}
}

// originTexts returns the list in the form of the option, each origin as browsers send it.
func originTexts(list []origin.Pattern) (texts []string) {
	for _, p := range list {
		texts = append(texts, p.String())
	}
	return texts
}

// sameOrigins reports whether two lists allow the same pages.
func sameOrigins(a, b []origin.Pattern) bool {
	missing := func(from []origin.Pattern) func(origin.Pattern) bool {
		return func(p origin.Pattern) bool { return !slices.Contains(from, p) }
	}
	return !slices.ContainsFunc(a, missing(b)) && !slices.ContainsFunc(b, missing(a))
}
