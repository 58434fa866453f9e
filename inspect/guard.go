package inspect

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// open marks routes that need no token: the files of the page, and the exchange of the token.
var open = pipeline.NewKey[bool]("inspect.open")

// guard decides about every request and handshake of the inspector.
type guard struct {
	hosts   []string
	guarded bool // by Options.Guard
	cookie  string
	log     *slog.Logger
	refused map[string]*logsample.Minute // by code
}

func newGuard(i *inspector) *guard {
	g := &guard{hosts: i.options.Hosts, guarded: i.options.Guard != nil, cookie: i.cookie, log: i.log, refused: map[string]*logsample.Minute{}}
	for _, code := range []string{codeHost, codeOrigin, codeRemote, codeToken} {
		g.refused[code] = new(logsample.Minute)
	}
	return g
}

// Codes of refusals.
const (
	codeHost   = "inspect_host"
	codeOrigin = "inspect_origin"
	codeRemote = "inspect_remote"
	codeToken  = "inspect_token"
)

// refusal is why a request is refused, and what to write so that it is not.
type refusal struct{ code, message, found, write string }

// Check implements [pipeline.Guard]. The connections of the socket are checked before their handshake is accepted.
func (g *guard) Check(ctx context.Context, c *pipeline.Call) error {
	if c.Kind == pipeline.KindMessage { // its connection was checked
		return nil
	}
	isOpen, _ := open.Of(c)
	if r := g.refusal(c.Request, !isOpen); r != nil {
		return g.refuse(ctx, c.Request, r)
	}
	return nil
}

// refuse logs a refusal, one line a minute for each code, and returns the error for the client.
func (g *guard) refuse(ctx context.Context, by *http.Request, r *refusal) error {
	if n := g.refused[r.code].Count(); n > 0 {
		g.log.WarnContext(ctx, "a request to the inspector is refused", "code", r.code, "found", cut(r.found, maxText), "remote", by.RemoteAddr,
			"write", cut(r.write, maxText), "refused", n)
	}
	return &pipeline.Error{Message: r.message, Code: r.code, Status: http.StatusForbidden}
}

func (g *guard) refusal(r *http.Request, needsToken bool) *refusal {
	if !g.knows(r.Host) {
		return &refusal{codeHost, "The inspector does not serve this host", r.Host, "inspect.Options{Hosts: []string{" + quoted(r.Host) + "}}"}
	}
	if origins := r.Header.Values("Origin"); len(origins) > 1 || len(origins) == 1 && !g.sameOrigin(r, origins[0]) {
		return &refusal{codeOrigin, "The inspector does not serve other origins", strings.Join(origins, ", "), "nothing: open the page itself, at the URL in the log"}
	}
	if site := r.Header.Values("Sec-Fetch-Site"); len(site) > 0 && (len(site) > 1 || site[0] != "none" && site[0] != "same-origin") {
		return &refusal{codeOrigin, "The inspector does not serve other sites", "Sec-Fetch-Site: " + strings.Join(site, ", "), "nothing: open the page by its URL, not by a link"}
	}
	if found := remote(r); found != "" && !g.guarded {
		return &refusal{codeRemote, "The inspector serves this machine only, without proxies", found, "inspect.Options{Guard: …}, with a guard of yours"}
	}
	if needsToken && !g.hasToken(r) {
		return noToken("no valid cookie")
	}
	return nil
}

func noToken(found string) *refusal {
	return &refusal{codeToken, "The inspector needs its token: open the URL in the log of the application", found, "nothing: open the URL in the log of this start"}
}

// knows reports whether a Host header names this machine, or one of the options.
func (g *guard) knows(host string) bool {
	name, port := splitHost(host)
	if port != "" && strings.Trim(port, "0123456789") != "" {
		return false
	}
	for _, known := range []string{"localhost", "127.0.0.1", "[::1]"} {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	return slices.ContainsFunc(g.hosts, func(h string) bool { return h != "" && (strings.EqualFold(h, host) || strings.EqualFold(h, name)) })
}

// splitHost splits a Host header into the name, with brackets, and the port.
func splitHost(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, ""
	}
	return host[:i], host[i+1:]
}

// sameOrigin reports whether an Origin is that of the page. Behind a proxy, which needs a guard, TLS may end there.
func (g *guard) sameOrigin(r *http.Request, origin string) bool {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return origin == scheme+r.Host || g.guarded && origin == "https://"+r.Host
}

// remote returns what shows that a request does not come from this machine itself; empty if nothing does.
func remote(r *http.Request) string {
	for name := range r.Header {
		if name == "Forwarded" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return "the header " + name
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if addr, err := netip.ParseAddr(host); err != nil || !addr.Unmap().IsLoopback() {
		return "the address " + r.RemoteAddr
	}
	return ""
}

// hasToken reports whether the request has the cookie for which the token was exchanged.
func (g *guard) hasToken(r *http.Request) bool {
	for _, c := range r.CookiesNamed(cookieName(r.Host)) {
		if equal(c.Value, g.cookie) {
			return true
		}
	}
	return false
}

// cookieName returns the name of the cookie: cookies are of all ports of a host.
func cookieName(host string) string {
	_, port := splitHost(host)
	return "gatehouse_inspect_" + port
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, "") + `"` }

var _ pipeline.Guard = (*guard)(nil)
