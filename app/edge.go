package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/gatehouse-go/gatehouse/internal/admission"
	"github.com/gatehouse-go/gatehouse/internal/memguard"
	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// TrustedProxies names the proxies in front of the application, by CIDR prefix or
// address. Where a request comes from one of them, the client's address is the
// right-most in X-Forwarded-For that is not theirs; text that is not an address ends
// the search. It is what web.RemoteAddr and websockets.RemoteAddr return, and what
// rate limits, [MaxConnectionsPerAddress] and logs use.
//
//	app.TrustedProxies("10.0.0.0/8", "fd00::/8")
//
// Default: no proxy is trusted and the header is ignored, because clients may write
// into it what they like. A peer on a Unix socket is always trusted. A prefix that does
// not parse, or matches no address, is an error of the start. Several calls add up.
func TrustedProxies[P string | netip.Prefix | netip.Addr](prefixes ...P) Option {
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = fmt.Sprint(p)
	}
	return optionFunc(func(c *config) {
		c.trusted = append(c.trusted, texts...)
		var errs []error
		c.proxies, errs = remote.NewProxies(c.trusted)
		c.proxyErrs = errs
	})
}

// MaxConnections is how many connections to gateways the application has at most, on
// all its ports: WebSocket connections and polling sessions, those whose guards are
// still being asked included. Beyond it a handshake is answered with 503 and
// Retry-After. Default: 80 % of the files that the process may have open (the soft
// limit RLIMIT_NOFILE when the application is made), or 100,000 where that cannot be
// read or is unlimited; 0 for the default, negative for no limit.
func MaxConnections(n int) Option {
	return optionFunc(func(c *config) { c.maxConns = n })
}

// MaxConnectionsPerAddress is how many of [MaxConnections] one client address has at
// most; an IPv6 address counts as its /64. Beyond it a handshake is answered with 429
// and Retry-After. Default 256; 0 for the default, negative for no limit.
//
// The address is that of [TrustedProxies]. Without that option a peer with a loopback,
// private or link-local address is not counted, since it may be a proxy with many
// clients; the log warns of the first that reaches the limit. With it such a peer
// counts like any other.
func MaxConnectionsPerAddress(n int) Option {
	return optionFunc(func(c *config) { c.maxPerAddr = n })
}

// MemoryGuard is from how many percent of GOMEMLIMIT on handshakes are refused, with 503
// and Retry-After: when live heap and stacks had that share after two garbage
// collections in a row, until they have 10 percentage points less. Who is connected
// stays. Default 90; 0 for the default, negative to turn it off. Without a GOMEMLIMIT,
// or debug.SetMemoryLimit, it does nothing.
func MemoryGuard(percent int) Option {
	return optionFunc(func(c *config) { c.memoryPercent = percent })
}

// LogLines is how many lines of one cause a second the framework logs at most, of what
// clients can cause: handlers that fail, handshakes that are refused, connections that
// end. The cause is level, message, event or route, and type of error. Lines beyond it are left
// out, and the log says once a second how many those were. Each line has at most 2 KB:
// what is longer is cut. Default 10; 0 for the default, negative for no limit.
//
// What the application itself writes to its logger is not limited.
func LogLines(perSecond int) Option {
	return optionFunc(func(c *config) { c.logLines = perSecond })
}

// edgeProblems is what is wrong with the options above.
func (c *config) edgeProblems() (errs []error) {
	for _, err := range c.proxyErrs {
		errs = append(errs, fmt.Errorf("app: TrustedProxies: %w", err))
	}
	if c.memoryPercent > 100 {
		errs = append(errs, fmt.Errorf("app: MemoryGuard(%d): there are 100 percent; a negative number turns it off", c.memoryPercent))
	}
	return errs
}

// admission makes what counts the connections.
func (a *App) admission() *admission.Control {
	limit := a.cfg.maxConns
	if limit == 0 {
		limit = admission.DefaultMax()
	}
	cfg := admission.Config{
		Max: limit, PerAddress: cmp.Or(a.cfg.maxPerAddr, admission.DefaultPerAddress), Log: slog.New(a.sampler),
	}
	if a.cfg.memoryPercent >= 0 {
		cfg.Memory = memguard.New(memguard.Config{Percent: a.cfg.memoryPercent, Log: a.log})
	}
	return admission.New(cfg)
}

// addressed serves a listener, with the client's address determined before anything
// else sees a request.
func (a *App) addressed(next http.Handler) http.Handler { return a.cfg.proxies.Handler(next) }
