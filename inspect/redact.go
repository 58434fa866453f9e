package inspect

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const redacted = "[redacted]"

// secretHeaders are parts of the names of headers whose values are not shown.
var secretHeaders = []string{"authorization", "cookie", "sec-websocket-protocol", "sec-websocket-key", "token", "secret", "api-key", "password"}

// secretKeys are the keys of a query whose values are not shown.
var secretKeys = []string{"token", "access_token", "code"}

// headersOf returns the headers of a request by their names, those with credentials without values.
func headersOf(h http.Header) map[string]string {
	all := make(map[string]string, len(h))
	for name, values := range h {
		all[name] = cut(strings.Join(values, ", "), maxText)
		if slices.ContainsFunc(secretHeaders, func(part string) bool { return strings.Contains(strings.ToLower(name), part) }) {
			all[name] = redacted
		}
	}
	return all
}

// urlOf returns the path and query of a request, without the values of credentials.
func urlOf(u *url.URL) string {
	if u.RawQuery == "" {
		return cut(u.EscapedPath(), maxText)
	}
	pairs := strings.Split(u.RawQuery, "&")
	for n, pair := range pairs {
		key, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(key); err != nil || slices.Contains(secretKeys, strings.ToLower(name)) {
			pairs[n] = key + "=" + redacted
		}
	}
	return cut(u.EscapedPath()+"?"+strings.Join(pairs, "&"), maxText)
}
