// Package admission limits the connections of an application, in total and per client
// address. A connection is counted from before its guards run until it is closed and what
// it has started has returned.
package admission

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Codes of rejected connections.
const (
	CodeOverloaded         = "overloaded"
	CodeTooManyConnections = "too_many_connections"
)

// retryAfter is the Retry-After of rejected clients, in seconds.
const retryAfter = 5

// Config configures a [Control].
type Config struct {
	// Max limits all connections; 0 or less means no limit.
	Max int
	// PerAddress limits the connections of one client address; 0 or less means no limit.
	PerAddress int
	// Memory, if not nil, rejects connections while it reports true.
	Memory interface{ Exceeded() bool }
	// Log may be nil.
	Log *slog.Logger
}

// Control counts and limits connections. It is safe for concurrent use.
type Control struct {
	cfg Config
	log *slog.Logger

	mu         sync.Mutex
	total      int
	addresses  map[netip.Addr]*count
	totalLog   logsample.Minute
	addressLog logsample.Minute
	warned     bool // about a peer that is probably a proxy
}

// count holds the numbers of connections of one address.
type count struct{ n, guessed int }

// New returns a Control.
func New(cfg Config) *Control {
	c := &Control{cfg: cfg, log: cfg.Log, addresses: map[netip.Addr]*count{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Acquire counts the connection that a request opens; call release when the connection
// is closed. Calls of release after the first do nothing. When a limit is reached, the
// error is a [*pipeline.Error] with a status and Retry-After.
func (c *Control) Acquire(r *http.Request) (release func(), err error) {
	if c.cfg.Memory != nil && c.cfg.Memory.Exceeded() {
		return nil, rejection(http.StatusServiceUnavailable, CodeOverloaded, "The server is low on memory; try again later")
	}
	client := remote.Of(r)
	p := &slot{c: c, addr: remote.Group(client.Addr), guessed: client.Guessed}
	if err := c.acquire(p, client.Addr); err != nil {
		return nil, err
	}
	return p.release, nil
}

func (c *Control) acquire(p *slot, addr netip.Addr) error {
	var warn func()
	defer func() {
		if warn != nil { // after c.mu is unlocked: logging may be slow
			warn()
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.Max > 0 && c.total >= c.cfg.Max {
		if n := c.totalLog.Count(); n > 0 {
			warn = func() {
				c.log.Warn("connections are rejected: app.MaxConnections is reached", "limit", c.cfg.Max, "rejected", n)
			}
		}
		return rejection(http.StatusServiceUnavailable, CodeOverloaded, "The server has too many connections; try again later")
	}
	if c.cfg.PerAddress > 0 && p.addr.IsValid() {
		a := c.addresses[p.addr]
		switch {
		case p.guessed:
			if a == nil {
				a = &count{}
				c.addresses[p.addr] = a
			}
			if a.guessed++; a.guessed >= c.cfg.PerAddress && !c.warned {
				c.warned = true
				warn = func() { c.warnOfProxy(addr) }
			}
		case a == nil:
			c.addresses[p.addr] = &count{n: 1}
		case a.n >= c.cfg.PerAddress:
			if n := c.addressLog.Count(); n > 0 {
				warn = func() {
					c.log.Warn("connections of an address are rejected: app.MaxConnectionsPerAddress is reached",
						"address", p.addr.String(), "limit", c.cfg.PerAddress, "rejected", n)
				}
			}
			return rejection(http.StatusTooManyRequests, CodeTooManyConnections, "Too many connections from this address; try again later")
		default:
			a.n++
		}
	}
	c.total++
	return nil
}

func (c *Control) warnOfProxy(a netip.Addr) {
	c.log.Warn("a private address has many connections: if it is a proxy, add it to app.TrustedProxies to count its clients by X-Forwarded-For",
		"address", a.String(), "connections", c.cfg.PerAddress, "option", "app.TrustedProxies("+strconv.Quote(a.String())+")")
}

// slot is one counted connection.
type slot struct {
	c       *Control
	addr    netip.Addr
	guessed bool
	once    sync.Once
}

func (p *slot) release() { p.once.Do(p.remove) }

func (p *slot) remove() {
	c := p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	a := c.addresses[p.addr]
	if a == nil { // without a limit per address, or without an address
		return
	}
	if p.guessed {
		a.guessed--
	} else {
		a.n--
	}
	if *a == (count{}) {
		delete(c.addresses, p.addr)
		if len(c.addresses) == 0 { // maps do not shrink
			c.addresses = map[netip.Addr]*count{}
		}
	}
}

func rejection(status int, code, message string) error {
	return &pipeline.Error{
		Message: message, Code: code, Status: status,
		Header: http.Header{"Retry-After": {strconv.Itoa(retryAfter)}},
	}
}
