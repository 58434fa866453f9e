package jwtauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Source returns the encoded token of a call, or "" to try the next source. An error
// rejects the call, for example because the token is ambiguous; it must not contain
// the token. A source must be safe for concurrent use and must not keep c.
//
// Write one for a custom header. Do not read the token from the URL, which ends up in
// logs.
type Source func(c *pipeline.Call) (token string, err error)

// Causes of errors that have none in package jwt.
var (
	errSeveral   = errors.New("jwtauth: more than one token")
	errNotString = errors.New("jwtauth: the token in auth is not a string")
	errAuth      = errors.New("jwtauth: auth is not a JSON object")
	errTooLong   = errors.New("jwtauth: the token is longer than Options.MaxBytes")
	errCritical  = errors.New("jwtauth: the token has the header crit: extensions are not supported")
	errOtherUser = errors.New("jwtauth: the new token has a different subject or issuer, or no subject")
)

// sourceCheck stands for the auth of a call when a source is asked what it reads.
type sourceCheck struct {
	problem string
	scheme  *pipeline.Scheme // nil for a source of the application
}

func (*sourceCheck) Decode(any) error { return errAuth }

// broken returns a source that cannot find a token, which New reports.
func broken(problem string) Source {
	return func(c *pipeline.Call) (string, error) {
		if check, ok := c.Auth.(*sourceCheck); ok {
			check.problem = problem
		}
		return "", errors.New("jwtauth: " + problem)
	}
}

// described returns a source of this package, with what it reads.
func described(s pipeline.Scheme, find Source) Source {
	return func(c *pipeline.Call) (string, error) {
		if check, ok := c.Auth.(*sourceCheck); ok {
			check.scheme = &s
			return "", nil
		}
		return find(c)
	}
}

// check returns what a source of this package says about itself.
func (s Source) check() (check *sourceCheck) {
	check = &sourceCheck{}
	defer func() { _ = recover() }() // a source of the application, for which the call has too little
	_, _ = s(&pipeline.Call{Auth: check})
	return check
}

// Schemes returns how clients send a token to the sources, for documents; without sources to those
// of the default. Constructors do not run for documents, so a guard that a constructor makes is
// bound with its sources:
//
//	websockets.UseGuards(pipeline.WithSchemes(NewGuard, jwtauth.Schemes(sources...)...))
//
// Sources of the application are left out: add a [pipeline.Scheme] for each.
func Schemes(sources ...Source) []pipeline.Scheme {
	if len(sources) == 0 {
		sources = defaultSources()
	}
	all := []pipeline.Scheme{}
	for _, s := range sources {
		if s == nil {
			continue
		}
		if scheme := s.check().scheme; scheme != nil {
			all = append(all, *scheme)
		}
	}
	return all
}

// Header reads "Authorization: Bearer …" of the request or handshake. It ignores other
// schemes and rejects several Authorization headers.
func Header() Source {
	return described(pipeline.Scheme{Kind: pipeline.SchemeBearer, Format: "JWT"}, func(c *pipeline.Call) (string, error) {
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
	})
}

// Auth reads a field of the `auth` object that a Socket.IO client sends when it
// connects to a namespace:
//
//	io("/chat", { auth: { token } })
func Auth(field string) Source {
	if field == "" {
		return broken(`Auth("") names no field: write Auth("token")`)
	}
	return described(pipeline.Scheme{Kind: pipeline.SchemeAuth, Key: field}, func(c *pipeline.Call) (string, error) {
		if c.Auth == nil {
			return "", nil
		}
		var fields map[string]json.RawMessage
		if err := c.Auth.Decode(&fields); err != nil {
			return "", errAuth // the decoder's error may quote the token
		}
		raw, ok := fields[field]
		if !ok {
			return "", nil
		}
		var token string
		if err := json.Unmarshal(raw, &token); err != nil {
			return "", errNotString
		}
		return token, nil
	})
}

// Cookie reads a cookie of the request or handshake, and rejects several of that name.
// Browsers send cookies with requests from any page: set HttpOnly, Secure and
// SameSite, and protect routes that change state against cross-site requests.
// WebSocket handshakes of other sites are rejected by their Origin.
func Cookie(name string) Source {
	if !rfc6455.IsToken(name) {
		return broken(fmt.Sprintf("Cookie(%q): no cookie has this name: use letters, digits, - and _", name))
	}
	return described(pipeline.Scheme{Kind: pipeline.SchemeCookie, Key: name}, func(c *pipeline.Call) (string, error) {
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
	})
}

// Subprotocol reads the entry after name in the list of WebSocket subprotocols, the
// only part of a handshake that a browser's page can set:
//
//	new WebSocket(url, ["bearer", token])
//
// Browsers fail unless the server selects name: add ws.Options{Subprotocols:
// []string{"bearer"}} to the gateway's options. Never list the token itself there.
// The header is sent only in the handshake, but proxies may log it.
func Subprotocol(name string) Source {
	if !rfc6455.IsToken(name) {
		return broken(fmt.Sprintf("Subprotocol(%q): no subprotocol has this name: use letters, digits, - and _", name))
	}
	return described(pipeline.Scheme{Kind: pipeline.SchemeSubprotocol, Key: name}, func(c *pipeline.Call) (string, error) {
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
	})
}
