package gateway

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
)

// originChecked returns the check with panics recovered: they are logged and refuse the page.
func originChecked(check func(*http.Request) bool, log *slog.Logger) func(*http.Request) bool {
	return func(r *http.Request) (ok bool) {
		defer func() {
			if v := recover(); v != nil {
				log.Error("panic in CheckOrigin", "origin", r.Header.Get("Origin"), "panic", v, "stack", string(debug.Stack()))
				ok = false
			}
		}()
		return check(r)
	}
}

// originCheck returns the check for declared origins. Without any, a page may connect to the
// host it was loaded from.
func originCheck(origins []string) (func(*http.Request) bool, error) {
	var exact []string
	var wild [][2]string // prefix and suffix of the origin
	for _, o := range origins {
		if o == "*" {
			return func(*http.Request) bool { return true }, nil
		}
		scheme, host, ok := strings.Cut(strings.ToLower(strings.TrimSuffix(o, "/")), "://")
		if !ok || host == "" || strings.ContainsAny(host, "/?#@") {
			return nil, fmt.Errorf(`origin %q must be scheme and host, such as "https://app.example.com"`, o)
		}
		if rest, ok := strings.CutPrefix(host, "*."); ok {
			wild = append(wild, [2]string{scheme + "://", "." + rest})
		} else {
			exact = append(exact, scheme+"://"+host)
		}
	}
	return func(r *http.Request) bool {
		values := r.Header.Values("Origin")
		if len(values) == 0 {
			return true // not a browser; there is no cookie of a victim to ride on
		}
		origin := strings.ToLower(values[0])
		u, err := url.Parse(origin)
		if len(values) > 1 || err != nil || u.Host == "" || origin != u.Scheme+"://"+u.Host {
			return false // "null" too, and what has more than scheme and host: it could end like a wildcard
		}
		if strings.EqualFold(u.Host, r.Host) && (u.Scheme == "http" || u.Scheme == "https") {
			return true
		}
		if slices.Contains(exact, origin) {
			return true
		}
		for _, w := range wild {
			if rest, ok := strings.CutPrefix(origin, w[0]); ok && strings.HasSuffix(rest, w[1]) && len(rest) > len(w[1]) {
				return true
			}
		}
		return false
	}, nil
}
