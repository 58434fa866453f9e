// Package admission counts the connections of an application: in all, and of each
// client address. A connection takes a place before any guard runs, and gives it
// back when it has gone.
package admission

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Codes of refusals.
const (
	CodeOverloaded         = "overloaded"
	CodeTooManyConnections = "too_many_connections"
)

// retryAfter is how many seconds refused clients must wait (Retry-After).
const retryAfter = 5

// logEvery is how often the log says that a limit is reached.
const logEvery = time.Minute

// Config of a [Control].
type Config struct {
	// Max is how many connections there may be; 0 or less for no limit.
	Max int
	// PerAddress is how many one client address may have; 0 or less for no limit.
	PerAddress int
	// Memory refuses connections while memory is short; nil never does.
	Memory interface{ Short() bool }
	// Log may be nil.
	Log *slog.Logger
}

// Control counts connections. Its methods are safe for concurrent use.
type Control struct {
	cfg Config
	log *slog.Logger

	mu        sync.Mutex
	total     int
	addresses map[netip.Addr]*count
	full      notice
	crowded   notice
	warned    bool // of a peer that is probably a proxy
}

// count is the connections of one address.
type count struct{ n, guessed int }

// notice limits how often one thing is logged.
type notice struct {
	last    time.Time
	refused int
}

// New makes a Control.
func New(cfg Config) *Control {
	c := &Control{cfg: cfg, log: cfg.Log, addresses: map[netip.Addr]*count{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Acquire takes a place for the connection that a request opens. The error is a
// [*pipeline.Error] with a status and Retry-After. Otherwise release gives the place
// back; calls after the first do nothing.
func (c *Control) Acquire(r *http.Request) (release func(), err error) {
	if c.cfg.Memory != nil && c.cfg.Memory.Short() {
		return nil, refusal(http.StatusServiceUnavailable, CodeOverloaded, "The server is short of memory; try again later")
	}
	client := remote.Of(r)
	p := &place{c: c, addr: remote.Group(client.Addr), guessed: client.Guessed}
	if err := c.take(p, client.Addr); err != nil {
		return nil, err
	}
	return p.release, nil
}

// Len is how many places are taken.
func (c *Control) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// Addresses is how many addresses are remembered.
func (c *Control) Addresses() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.addresses)
}

func (c *Control) take(p *place, addr netip.Addr) error {
	var warn func()
	defer func() {
		if warn != nil { // without the lock: logging may be slow
			warn()
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.Max > 0 && c.total >= c.cfg.Max {
		if n := c.full.due(); n > 0 {
			warn = func() {
				c.log.Warn("connections are refused: there are as many as app.MaxConnections allows", "limit", c.cfg.Max, "refused", n)
			}
		}
		return refusal(http.StatusServiceUnavailable, CodeOverloaded, "The server has too many connections; try again later")
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
			if n := c.crowded.due(); n > 0 {
				warn = func() {
					c.log.Warn("connections are refused: an address has as many as app.MaxConnectionsPerAddress allows",
						"address", p.addr.String(), "limit", c.cfg.PerAddress, "refused", n)
				}
			}
			return refusal(http.StatusTooManyRequests, CodeTooManyConnections, "Too many connections from this address; try again later")
		default:
			a.n++
		}
	}
	c.total++
	return nil
}

// due counts a refusal, and returns how many there were since the last log line when
// the next one is due.
func (n *notice) due() int {
	n.refused++
	now := time.Now()
	if !n.last.IsZero() && now.Sub(n.last) < logEvery {
		return 0
	}
	refused := n.refused
	n.last, n.refused = now, 0
	return refused
}

func (c *Control) warnOfProxy(a netip.Addr) {
	c.log.Warn("one private address has many connections: if it is a proxy, all its clients count as one; name it in app.TrustedProxies to count clients by X-Forwarded-For",
		"address", a.String(), "connections", c.cfg.PerAddress, "option", "app.TrustedProxies("+strconv.Quote(a.String())+")")
}

// place is that of one connection.
type place struct {
	c       *Control
	addr    netip.Addr
	guessed bool
	once    sync.Once
}

func (p *place) release() { p.once.Do(p.giveBack) }

func (p *place) giveBack() {
	c := p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	a := c.addresses[p.addr]
	if a == nil { // addresses are not counted, or this one is unknown
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

func refusal(status int, code, message string) error {
	return &pipeline.Error{
		Message: message, Code: code, Status: status,
		Header: http.Header{"Retry-After": {strconv.Itoa(retryAfter)}},
	}
}
