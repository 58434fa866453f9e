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

// TrustedProxies sets the proxies in front of the application, as CIDR prefixes or
// addresses. For a request from one of them, the client address is the right-most
// address in X-Forwarded-For that is not a trusted proxy; the search stops at text that
// is not an address. web.RemoteAddr, websockets.RemoteAddr, rate limits,
// [MaxConnectionsPerAddress] and logs use that address.
//
//	app.TrustedProxies("10.0.0.0/8", "fd00::/8")
//
// Default: no proxy is trusted and the header is ignored, because clients can forge it.
// A peer on a Unix socket is always trusted. [New] reports a prefix that does not parse
// or matches no address. Several calls add up.
func TrustedProxies[P string | netip.Prefix | netip.Addr](prefixes ...P) Option {
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = fmt.Sprint(p)
	}
	at := callerPlace()
	return optionFunc(func(c *config) {
		if _, errs := remote.NewProxies(texts); len(errs) > 0 {
			for _, err := range errs {
				c.problemf(at, "TrustedProxies")(err.Error())
			}
			return
		}
		c.trusted = append(c.trusted, texts...)
		c.proxies, _ = remote.NewProxies(c.trusted)
	})
}

// MaxConnections limits the connections to gateways on all ports: WebSocket connections
// and polling sessions, including those whose guards still run, and those that are closed
// while their handlers, HandleDisconnect or guards still run. At the limit a handshake is
// answered with 503 and Retry-After. Default: 80 % of the open files of
// the process (the soft limit RLIMIT_NOFILE when the application starts), or 100,000 if
// that cannot be read or is unlimited. 0 means the default, negative no limit.
func MaxConnections(n int) Option {
	return optionFunc(func(c *config) { c.maxConns = n })
}

// MaxConnectionsPerAddress limits the connections of one client address; an IPv6
// address counts as its /64, and connections are counted as by [MaxConnections]. At the
// limit a handshake is answered with 429 and Retry-After. Default 256. 0 means the default, negative no limit.
//
// The address is determined as described at [TrustedProxies]. Without that option the
// limit does not apply to peers with a loopback, private or link-local address, because
// they may be proxies with many clients; a warning is logged for the first that reaches
// the limit.
func MaxConnectionsPerAddress(n int) Option {
	return optionFunc(func(c *config) { c.maxPerAddr = n })
}

// MemoryGuard sets the share of GOMEMLIMIT, in percent, at which handshakes are
// rejected with 503 and Retry-After: when live heap and stacks reach it after two
// garbage collections in a row, until they fall 10 percentage points below it.
// Connected clients are not affected. Default 90. 0 means the default, negative turns
// the guard off. It needs GOMEMLIMIT or debug.SetMemoryLimit.
func MemoryGuard(percent int) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		if c.memoryPercent = percent; percent > 100 {
			c.problemf(at, "MemoryGuard(%d)", percent)("must be at most 100; use a negative number to turn it off")
		}
	})
}

// LogLines limits the log lines per second and cause for events that clients can
// trigger: failed handlers, rejected handshakes, closed connections. The cause is level,
// message, event or route, and error type. Further lines are dropped, and their number
// is logged once a second. Lines are cut to 2 KB. Default 10. 0 means the default,
// negative no limit.
//
// Lines that the application itself logs are not limited.
func LogLines(perSecond int) Option {
	return optionFunc(func(c *config) { c.logLines = perSecond })
}

// newAdmission returns the connection limits of the application.
func (a *App) newAdmission() *admission.Control {
	cfg := admission.Config{
		Max: cmp.Or(a.cfg.maxConns, admission.DefaultMax()), PerAddress: cmp.Or(a.cfg.maxPerAddr, admission.DefaultPerAddress), Log: slog.New(a.sampler),
	}
	if a.cfg.memoryPercent >= 0 {
		cfg.Memory = memguard.New(memguard.Config{Percent: a.cfg.memoryPercent, Log: a.log})
	}
	return admission.New(cfg)
}

// withClientAddress determines the client address of each request before any other
// code runs.
func (a *App) withClientAddress(next http.Handler) http.Handler { return a.cfg.proxies.Handler(next) }
