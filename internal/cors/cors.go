// Package cors writes what browsers are told about cross-origin requests
// (https://fetch.spec.whatwg.org/#http-cors-protocol), for servers that decide
// on the origin themselves.
package cors

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers never widen the set of allowed origins. They are for requests whose
// origin has been found allowed.
type Headers struct {
	DisableCredentials bool
	AllowedHeaders     []string // nil: those that the preflight asks for
	MaxAge             time.Duration
	PrivateNetwork     bool
}

// Set sets them for the answer to r, which may be a preflight.
func (c Headers) Set(h http.Header, r *http.Request) {
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if !c.DisableCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if r.Method != http.MethodOptions {
		return
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	if c.AllowedHeaders != nil {
		h.Set("Access-Control-Allow-Headers", strings.Join(c.AllowedHeaders, ", "))
	} else if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Headers", asked)
	}
	if c.PrivateNetwork && r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge/time.Second)))
	}
}
