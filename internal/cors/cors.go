// Package cors sets the response headers of the CORS protocol
// (https://fetch.spec.whatwg.org/#http-cors-protocol), for servers that check the
// origin themselves.
package cors

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// Headers are the CORS settings for requests whose origin has already been checked;
// they allow no further origins.
type Headers struct {
	DisableCredentials bool
	AllowedHeaders     []string // nil allows the headers that the preflight requests
	MaxAge             time.Duration
	PrivateNetwork     bool
}

// Set sets the headers of the response to r, which may be a preflight.
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
	} else if requested := r.Header.Get("Access-Control-Request-Headers"); requested != "" {
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Headers", requested)
	}
	if c.PrivateNetwork && r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge/time.Second)))
	}
}

// Check returns an error for settings that no browser uses.
func (c Headers) Check() error {
	for _, name := range c.AllowedHeaders {
		switch {
		case name == "*" && !c.DisableCredentials:
			return errors.New(`AllowedHeaders: "*" is the name of a header to browsers, unless Credentials is Off: leave AllowedHeaders nil to allow those that pages ask for`)
		case !rfc6455.IsToken(name):
			return fmt.Errorf("AllowedHeaders: %q is not the name of a header: list each name on its own", name)
		}
	}
	return nil
}
