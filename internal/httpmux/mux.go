// Package httpmux routes the requests of one listener: WebSocket upgrades and the paths of
// platforms to the servers of gateways, everything else to the HTTP controllers.
package httpmux

import (
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Route is a server of gateways.
type Route struct {
	// Path is a pattern of [http.ServeMux] with UpgradeOnly, otherwise a prefix.
	Path string
	// UpgradeOnly: the server serves nothing but upgrade requests.
	UpgradeOnly bool
	Handler     http.Handler
}

// Mux routes one listener.
type Mux struct {
	upgrades *http.ServeMux
	prefixes []prefixRoute
	next     http.Handler
	owns     func(*http.Request) bool
	missed   func(*http.Request, *pipeline.Error)
}

type prefixRoute struct {
	path    string // without the trailing slash
	handler http.Handler
}

// New returns a Mux. next serves all other requests and may be nil. owns reports whether
// next has a route for a request; nil means that it has one for all. missed is called after
// a request without a route has been answered with an error.
func New(routes []Route, next http.Handler, owns func(*http.Request) bool, missed func(*http.Request, *pipeline.Error)) *Mux {
	m := &Mux{upgrades: http.NewServeMux(), next: next, owns: owns, missed: missed}
	for _, r := range routes {
		if r.UpgradeOnly {
			m.upgrades.Handle(exactPattern(r.Path), r.Handler)
		} else {
			m.prefixes = append(m.prefixes, prefixRoute{strings.TrimSuffix(r.Path, "/"), r.Handler})
		}
	}
	return m
}

// exactPattern keeps ServeMux from taking a trailing slash for a whole subtree.
func exactPattern(path string) string {
	if strings.HasSuffix(path, "/") {
		return path + "{$}"
	}
	return path
}

// CheckPatterns returns an error when a path is no pattern, or when two of them match the
// same requests.
func CheckPatterns(paths ...string) (err error) {
	defer func() {
		if v := recover(); v != nil { // how ServeMux reports bad patterns
			err = fmt.Errorf("not a path pattern of http.ServeMux: %v", v)
		}
	}()
	m := http.NewServeMux()
	for _, p := range paths {
		// Requests are cleaned before they are matched, and ServeMux takes an empty
		// segment of a pattern for one of any name.
		if c := path.Clean(p); p != c && (c == "/" || p != c+"/") {
			return fmt.Errorf("no request has this path: write %q", c)
		}
		m.Handle(exactPattern(p), http.NotFoundHandler())
	}
	return nil
}

var errNoSuchPath = &pipeline.Error{Message: "No gateway at this path", Code: "not_found", Status: http.StatusNotFound}

// isPoll reports whether the request is one of a Socket.IO client.
func isPoll(r *http.Request) bool {
	return strings.Contains(r.URL.RawQuery, "EIO=") && strings.Contains(r.URL.RawQuery, "transport=polling")
}

// ServeHTTP implements [http.Handler].
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, p := range m.prefixes {
		if rest, ok := strings.CutPrefix(r.URL.Path, p.path); ok && (rest == "" || rest[0] == '/') {
			p.handler.ServeHTTP(w, r)
			return
		}
	}
	matched := m.matches(r)
	switch {
	case m.next != nil && !matched && isPoll(r) && m.owns != nil && !m.owns(r):
		httperr.Write(w, errNoSuchPath)
		m.missed(r, errNoSuchPath)
	case m.next != nil && m.toNext(r, matched):
		m.next.ServeHTTP(w, r)
	case matched:
		m.upgrades.ServeHTTP(w, r)
	default:
		httperr.Write(w, errNoSuchPath)
		m.missed(r, errNoSuchPath)
	}
}

// matches reports whether the path is that of a server for upgrades. Not if ServeMux would
// redirect to it: WebSocket clients do not follow, and an application that is mounted below a
// path does not know where to.
func (m *Mux) matches(r *http.Request) bool {
	p := r.URL.EscapedPath()
	if c := path.Clean(p); p != c && p != c+"/" {
		return false
	}
	_, pattern := m.upgrades.Handler(r)
	return pattern != ""
}

// toNext reports whether a request is one of next; matched reports that the path is also that
// of a server for upgrades. A WebSocket without a server is answered 404 by the Mux.
func (m *Mux) toNext(r *http.Request, matched bool) bool {
	to := strings.ToLower(strings.TrimSpace(r.Header.Get("Upgrade")))
	switch {
	case to == "websocket":
		return false
	case !matched:
		return true
	// Clients of HTTP offer these beside an ordinary request.
	case to == "" || strings.HasPrefix(to, "h2c") || strings.HasPrefix(to, "tls/"):
		return m.owns == nil || m.owns(r)
	}
	return false
}
