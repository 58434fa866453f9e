package jwtauth

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Source finds the token of a call, undecoded. "" means that it is not there, and
// the next source is asked. An error refuses the call: what is there is ambiguous
// or no token. The error must not have the token in it. A source is called by many
// goroutines at once, and must not keep c.
//
// Write one for a header of your own. Do not read the token from the URL: it would
// end up in logs.
type Source func(c *pipeline.Call) (token string, err error)

// The causes of refusals before the token is looked at.
var (
	errSeveral   = errors.New("jwtauth: there is more than one token")
	errNotText   = errors.New("jwtauth: the token in auth is not a text")
	errAuth      = errors.New("jwtauth: auth is not a JSON object")
	errTooLong   = errors.New("jwtauth: the token is longer than Options.MaxBytes")
	errCritical  = errors.New("jwtauth: the header has crit, and no extension is understood")
	errOtherUser = errors.New("jwtauth: the new token has another subject or issuer, or none")
)

// Header reads "Authorization: Bearer …" of the request, or of the handshake. Other
// schemes are left alone; several headers are refused.
func Header() Source {
	return func(c *pipeline.Call) (string, error) {
		if c.Request == nil {
			return "", nil
		}
		values := c.Request.Header["Authorization"]
		if len(values) > 1 {
			return "", errSeveral
		}
		if len(values) == 0 {
			return "", nil
		}
		scheme, token, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", nil
		}
		return strings.TrimSpace(token), nil
	}
}

// Auth reads a field of the object that a Socket.IO client sends as `auth` when it
// enters a namespace:
//
//	io("/chat", { auth: { token } })
func Auth(field string) Source {
	return func(c *pipeline.Call) (string, error) {
		if c.Auth == nil {
			return "", nil
		}
		var fields map[string]json.RawMessage
		if err := c.Auth.Decode(&fields); err != nil {
			return "", errAuth // the decoder's own error may quote what was sent
		}
		raw, ok := fields[field]
		if !ok {
			return "", nil
		}
		var token string
		if err := json.Unmarshal(raw, &token); err != nil {
			return "", errNotText
		}
		return token, nil
	}
}

// Cookie reads a cookie of the request, or of the handshake; several of the name
// are refused. Browsers send cookies along whatever page asks: set HttpOnly, Secure
// and SameSite, and protect routes that change something against other sites.
// WebSocket handshakes of other sites are refused by their Origin.
func Cookie(name string) Source {
	return func(c *pipeline.Call) (string, error) {
		if c.Request == nil {
			return "", nil
		}
		cookies := c.Request.CookiesNamed(name)
		if len(cookies) > 1 {
			return "", errSeveral
		}
		if len(cookies) == 0 {
			return "", nil
		}
		return cookies[0].Value, nil
	}
}

// Subprotocol reads what follows name in the list of WebSocket subprotocols, the
// one thing that a browser's page can say in a handshake:
//
//	new WebSocket(url, ["bearer", token])
//
// The server must choose name, or browsers give up: ws.Options{Subprotocols:
// []string{"bearer"}} among the gateway's options. Never list the token itself
// there. The header is part of the handshake only, but proxies may log it.
func Subprotocol(name string) Source {
	return func(c *pipeline.Call) (string, error) {
		if c.Request == nil {
			return "", nil
		}
		token, found := "", false
		for _, line := range c.Request.Header["Sec-Websocket-Protocol"] {
			next := false
			for p := range strings.SplitSeq(line, ",") {
				p = strings.TrimSpace(p)
				switch {
				case next:
					token, next = p, false
				case p == name && found:
					return "", errSeveral
				case p == name:
					next, found = true, true
				}
			}
		}
		return token, nil
	}
}
