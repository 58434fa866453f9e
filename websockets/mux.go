package websockets

import (
	"fmt"
	"net/http"
	"path"
	"strings"
)

// mux routes one listener: upgrades by pattern, prefix servers by path, the
// rest to the HTTP controllers.
type mux struct {
	upgrades *http.ServeMux
	prefixes []prefixRoute
	next     http.Handler
	owns     func(*http.Request) bool
}

type prefixRoute struct {
	path    string // without the trailing slash
	handler http.Handler
}

func newMux(servers []*boundServer, listener string, next http.Handler, owns func(*http.Request) bool) *mux {
	m := &mux{upgrades: http.NewServeMux(), next: next, owns: owns}
	for _, s := range servers {
		switch {
		case s.listener != listener:
		case s.adapter.Traits().UpgradeOnly:
			m.upgrades.Handle(exactPattern(s.path), s.handler())
		default:
			m.prefixes = append(m.prefixes, prefixRoute{strings.TrimSuffix(s.path, "/"), s.handler()})
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

func tryPattern(paths ...string) (err error) {
	defer func() {
		if v := recover(); v != nil { // ServeMux tells of bad patterns no other way
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

var errNoSuchPath = &Error{Message: "No gateway at this path", Code: CodeNotFound, Status: http.StatusNotFound}

func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, p := range m.prefixes {
		if rest, ok := strings.CutPrefix(r.URL.Path, p.path); ok && (rest == "" || rest[0] == '/') {
			p.handler.ServeHTTP(w, r)
			return
		}
	}
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if !upgrade && m.next != nil && (m.owns == nil || m.owns(r)) {
		m.next.ServeHTTP(w, r)
		return
	}
	if _, pattern := m.upgrades.Handler(r); pattern != "" {
		m.upgrades.ServeHTTP(w, r)
		return
	}
	if m.next != nil && !upgrade {
		m.next.ServeHTTP(w, r)
		return
	}
	WriteRefusal(w, errNoSuchPath)
}
