package web

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

// SPA serves the top-level index.html for paths without a file and without an extension, so
// that the page can route them. With [Static] at "/" this applies to all paths without a
// route, except those below the [Prefix] of the application, and below the paths in except:
//
//	web.Static(r, "/", page, web.SPA("/api", "/readyz"))
//
// There, an unknown path is answered with 404, and a route with another method with 405. A
// path of a gateway is never answered with index.html.
func SPA(except ...string) StaticOption {
	return staticOption(func(s *static) {
		s.spa = true
		for _, p := range except {
			if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "*{}?# \t") {
				s.problems = append(s.problems, "SPA("+quoted(p)+"): must be a path such as \"/api\"")
				continue
			}
			s.except = append(s.except, segments(p))
		}
	})
}

func quoted(s string) string { return `"` + s + `"` }

// segments splits a path.
func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// excepts reports whether a path is one that SPA does not serve.
func (s *static) excepts(path string) bool {
	in := segments(path)
	for _, e := range s.except {
		if len(in) < len(e) {
			continue
		}
		below := true
		for i, want := range e {
			below = below && (want == in[i] || strings.HasPrefix(want, "{"))
		}
		if below {
			return true
		}
	}
	return false
}

// addPage notes a Static at a pattern of the controller.
func (c *registrar) addPage(rel string, s *static) {
	if !s.spa || c.standalone {
		return
	}
	if prefix := c.prefix; prefix != "" && !strings.HasPrefix(c.base+rel+"/", prefix+"/") {
		s.except = append(s.except, segments(prefix))
	}
	if c.unrouted.pages != nil {
		c.unrouted.pages[c.base+rel+"/*"] = s
	}
}

// pages are the routes of Static with SPA, by pattern.
type pages map[string]*static

// of returns the files that a GET of the path would be answered with, whether there is one or
// not, and the rest of the path; nil if another route has it.
func (p pages) of(routes chi.Routes, path string) (s *static, rest string) {
	if len(p) == 0 {
		return nil, ""
	}
	c := chi.NewRouteContext()
	if s = p[routes.Find(c, http.MethodGet, path)]; s != nil {
		rest = c.URLParam("*")
	}
	return s, rest
}
