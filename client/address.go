package client

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// addressOf returns the URL with the values of the names in its path.
func addressOf(raw string, params map[string]string) (*url.URL, error) {
	text, err := filled(raw, params)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(text)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, whose query may have secrets
		}
		return nil, fmt.Errorf("client: the URL is malformed: %w", err)
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return nil, fmt.Errorf("client: the URL has the scheme %q: use ws, wss, http or https, as in wss://example.com/chat", u.Scheme)
	}
	if u.Host == "" {
		return nil, errors.New("client: the URL has no host: write it as in wss://example.com/chat")
	}
	u.Fragment = ""
	return u, nil
}

// filled replaces each {name} and {name...} before the query.
func filled(raw string, params map[string]string) (string, error) {
	path, query, hasQuery := strings.Cut(raw, "?")
	var b strings.Builder
	used := map[string]bool{}
	for {
		before, rest, found := strings.Cut(path, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", errors.New("client: the URL has a { without a }")
		}
		path = after
		if name == "$" { // the end of the path, in patterns
			continue
		}
		name, several := strings.CutSuffix(name, "...")
		value, ok := params[name]
		if !ok {
			return "", fmt.Errorf("client: the URL has {%s}, and Options.Params has no %q: set it", name, name)
		}
		used[name] = true
		segments := []string{value}
		if several {
			segments = strings.Split(value, "/")
		}
		for i, s := range segments {
			if s == "" || s == "." || s == ".." { // which servers take away
				return "", fmt.Errorf("client: Options.Params[%q] must not have the segment %q", name, s)
			}
			segments[i] = url.PathEscape(s)
		}
		b.WriteString(strings.Join(segments, "/"))
	}
	for name := range params {
		if !used[name] {
			return "", fmt.Errorf("client: Options.Params has %q, and the URL has no {%s} before its query", name, name)
		}
	}
	if hasQuery {
		b.WriteString("?" + query)
	}
	return b.String(), nil
}

// shown returns the address for errors and logs: without user, query and password.
func shown(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }
