package record

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// redacted is written instead of a secret.
const redacted = "[redacted]"

// secretKeys are the keys of a query whose values are left out.
var secretKeys = []string{"token", "access_token", "code"}

// engineKeys are the keys of a query that Engine.IO adds.
var engineKeys = []string{"EIO", "transport", "sid", "t", "b64"}

// The lengths of texts that are looked for in what is sent: shorter ones are common words. Those of members and keys whose names
// say that they are secrets may be shorter.
const (
	minSecret      = 8
	minNamedSecret = 4
	minProtocol    = 16 // names of subprotocols are no secrets
)

// maxSecrets limits the secrets of one client. The payloads of a client that has more are left out.
const maxSecrets = 100

// secrets are texts that are replaced wherever they are sent.
type secrets struct{ all []string }

// add adds the secrets of a handshake. It reports whether there was room for all.
func (s *secrets) add(r *http.Request, auth websockets.Payload) bool {
	found := 0
	note := func(text string, least int) {
		if len(text) < least || found >= maxSecrets {
			found += min(len(text)/least, 1)
			return
		}
		found++
		if !slices.Contains(s.all, text) {
			s.all = append(s.all, text)
		}
	}
	for _, v := range append(r.Header.Values("Authorization"), r.Header.Values("Proxy-Authorization")...) {
		scheme, rest, _ := strings.Cut(v, " ")
		note(strings.TrimSpace(rest), minNamedSecret)
		if strings.EqualFold(scheme, "Basic") {
			if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil {
				_, password, _ := strings.Cut(string(b), ":")
				note(password, minNamedSecret)
			}
		}
	}
	for _, c := range r.Cookies() {
		note(c.Value, minSecret)
	}
	for _, v := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(v, ",") {
			note(strings.TrimSpace(name), minProtocol)
		}
	}
	for key, values := range r.URL.Query() {
		for _, v := range values {
			if isSecretKey(key) {
				note(v, minNamedSecret)
			}
		}
	}
	_, _ = mapJSON(auth.JSON, func(name string, v string) string {
		if soundsSecret(name) {
			note(v, minNamedSecret)
		} else {
			note(v, minSecret)
		}
		return v
	})
	// The longest first: one may be a part of another.
	slices.SortFunc(s.all, func(a, b string) int { return len(b) - len(a) })
	return found < maxSecrets
}

func isSecretKey(key string) bool {
	return slices.ContainsFunc(secretKeys, func(k string) bool { return strings.EqualFold(k, key) })
}

// soundsSecret reports whether the name of a member is that of a secret.
func soundsSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"token", "secret", "password", "passwd", "key", "code", "jwt", "pid", "credential"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

// removeFrom replaces the secrets in a line.
func (s *secrets) removeFrom(l *Line) {
	if len(s.all) == 0 {
		return
	}
	l.Event, l.Path, l.Query, l.Text = s.remove(l.Event), s.remove(l.Path), s.remove(l.Query), s.remove(l.Text)
	found := false
	payload, err := mapJSON(l.Payload, func(_, v string) string {
		without := s.remove(v)
		found = found || without != v
		return without
	})
	switch {
	case err != nil:
		l.Payload, l.Attachments, l.Missing = nil, nil, "payload: "+err.Error()
	case found:
		l.Payload, l.Missing = payload, "secrets in the payload"
	}
}

func (s *secrets) remove(text string) string {
	for _, secret := range s.all {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	return text
}

// setRequest sets where a client has connected.
func (l *Line) setRequest(r *http.Request) {
	l.Path = r.URL.Path
	l.Query = redactQuery(r.URL.RawQuery, r.URL.Query().Has("EIO"))
	for _, v := range r.Header.Values("Sec-WebSocket-Protocol") {
		if first, _, _ := strings.Cut(v, ","); strings.EqualFold(strings.TrimSpace(first), "gatehouse.v1") {
			l.Protocol = "gatehouse.v1"
		}
	}
}

// redactQuery returns a query without secrets, and without what Engine.IO adds.
func redactQuery(raw string, engine bool) string {
	var kept []string
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(name)
		switch {
		case part == "", err != nil, engine && slices.Contains(engineKeys, key):
		case isSecretKey(key):
			kept = append(kept, name+"="+redacted)
		default:
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// mapJSON returns a JSON text with other strings. f gets each string, a name of a member too, with the name of the member whose
// value it is in, if any.
func mapJSON(text jsontext.Value, f func(name, v string) string) (jsontext.Value, error) {
	return rewriteJSON(text, func(name string, v jsontext.Value) (jsontext.Value, error) {
		if v.Kind() != '"' {
			return v, nil
		}
		s, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return nil, err
		}
		to := f(name, string(s))
		if to == string(s) {
			return v, nil
		}
		return jsontext.AppendQuote(nil, to)
	})
}
