package nats

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// dial connects to a server.
func (e *Engine) dial() (*session, error) {
	s := &session{e: e, subs: map[string]*nats.Subscription{}, noNodes: make(chan *nats.Msg, maxParts), closed: make(chan struct{})}
	o := e.opts.client
	d := &dialer{e: e, s: s, o: &e.opts.client}
	o.Name = "gatehouse-" + e.self
	o.CustomDialer = d
	if o.InProcessServer != nil {
		o.InProcessServer = d
	}
	closed := o.ClosedCB
	o.ClosedCB = func(nc *nats.Conn) {
		close(s.closed)
		if closed != nil {
			closed(nc)
		}
	}
	nc, err := o.Connect()
	if err != nil {
		if err == nats.ErrNoServers && d.err != nil { //nolint:errorlint // exactly that one hides d.err
			err = d.err
		}
		return nil, fmt.Errorf("%s: %w", e.opts.target(), err)
	}
	s.nc = nc
	if err := s.open(); err != nil {
		s.Abort(err)
		_ = s.Wait()
		return nil, err
	}
	return s, nil
}

// dialer makes connections that end with the engine.
type dialer struct {
	e   *Engine
	s   *session
	o   *nats.Options
	err error // of the last attempt
}

// Dial implements nats.CustomDialer. It tries the addresses of a host in random order, so that
// nodes spread over the servers.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	switch {
	case d.o.CustomDialer != nil:
		return d.made(d.o.CustomDialer.Dial(network, address))
	case d.o.Dialer != nil:
		return d.made(d.o.Dialer.DialContext(d.e.loop.Context(), network, address))
	}
	ctx, cancel := context.WithTimeout(d.e.loop.Context(), d.o.Timeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return d.made(nil, err)
	}
	all, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return d.made(nil, err)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] }) //nolint:gosec // spreads load, no secret
	var c net.Conn
	for i, a := range all {
		each := net.Dialer{Timeout: d.o.Timeout / time.Duration(len(all)-i)}
		if c, err = each.DialContext(ctx, network, net.JoinHostPort(a, port)); err == nil {
			break
		}
	}
	return d.made(c, err)
}

// InProcessConn implements nats.InProcessConnProvider.
func (d *dialer) InProcessConn() (net.Conn, error) {
	return d.made(d.o.InProcessServer.InProcessConn())
}

// SkipTLSHandshake is asked for by nats.go: the answer is that of the dialer of the application.
func (d *dialer) SkipTLSHandshake() bool {
	own, ok := d.o.CustomDialer.(interface{ SkipTLSHandshake() bool })
	return ok && own.SkipTLSHandshake()
}

func (d *dialer) made(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		d.err = err
		return nil, err
	}
	own := &conn{Conn: c}
	own.release = context.AfterFunc(d.e.loop.Context(), func() { _ = c.Close() })
	d.s.conn.Store(own)
	return own, nil
}

// conn is the connection below nats.go. A write that fails ends it: nats.go would go on without
// the bytes, and count answers of the server against the wrong questions. So does what is not of NATS.
type conn struct {
	net.Conn

	writing atomic.Bool
	release func() bool
	read    lines // of Read
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if bad := c.read.read(b[:n]); bad != nil {
		_ = c.Close()
		return 0, bad
	}
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	c.writing.Store(true)
	n, err := c.Conn.Write(b)
	c.writing.Store(false)
	if err != nil {
		_ = c.Close()
	}
	return n, err
}

func (c *conn) Close() error {
	c.release()
	return c.Conn.Close()
}
