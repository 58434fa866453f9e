package app

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"
)

// below returns r with the path below which the application is mounted removed from its URL:
// gateways, controllers and errors then read the same path. [http.StripPrefix] removes it
// itself; routers of chi leave it, and keep the rest in their context.
func below(r *http.Request) *http.Request {
	path, raw := r.URL.Path, r.URL.RawPath
	if c := chi.RouteContext(r.Context()); c != nil && c.RoutePath != "" {
		switch rest, err := url.PathUnescape(c.RoutePath); {
		case err != nil || !strings.HasSuffix(cmp.Or(raw, path), c.RoutePath):
			c.RoutePath = "" // the prefix was removed since: our router must read the URL
		case raw != "":
			path, raw = rest, c.RoutePath
		default:
			path = c.RoutePath
		}
	}
	if path == "" { // StripPrefix removed all of it
		path, raw = "/", ""
	}
	if path == r.URL.Path && raw == r.URL.RawPath {
		return r
	}
	moved := *r
	u := *r.URL
	u.Path, u.RawPath = path, raw
	moved.URL = &u
	return &moved
}
