package rawpeer

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Peer is one connection to a server under test. Errors fail the test, except in Try
// methods and methods that return an error. Only Try methods may be called outside the
// test's goroutine; one goroutine may write while another reads. The connection closes
// when the test ends.
type Peer struct {
	// Conn is the connection: TCP, TLS, or that of [On].
	Conn net.Conn
	// TCP is the connection below Conn, equal to Conn without TLS. It is nil for a pipe.
	TCP *net.TCPConn
	// R reads from Conn.
	R *bufio.Reader
	// Header is the header of the 101 response.
	Header http.Header
	// Timeout limits each read and write; 0 means [testkit.Patience]. It must not change while
	// the Peer is in use.
	Timeout time.Duration

	t    testing.TB
	addr string
}

// DialOption configures [Dial], [TryDial] and [Open].
type DialOption func(*dialing)

type dialing struct {
	tls     *tls.Config
	receive int
	lines   []string
}

// WithTLS uses TLS.
func WithTLS(cfg *tls.Config) DialOption { return func(d *dialing) { d.tls = cfg } }

// WithReceiveBuffer sets the size of the socket's receive buffer, so that it fills soon
// if the peer does not read. The kernel doubles it and has a minimum.
func WithReceiveBuffer(n int) DialOption { return func(d *dialing) { d.receive = n } }

// WithLines sets the lines of [Upgrade] for [Open].
func WithLines(lines ...string) DialOption { return func(d *dialing) { d.lines = lines } }

// Dial connects to addr, "127.0.0.1:41234" or "http://127.0.0.1:41234".
func Dial(t testing.TB, addr string, opts ...DialOption) *Peer {
	t.Helper()
	p, err := TryDial(t, addr, opts...)
	if err != nil {
		t.Fatalf("rawpeer: %v", err)
	}
	return p
}

// TryDial is [Dial] with an error.
func TryDial(t testing.TB, addr string, opts ...DialOption) (*Peer, error) {
	t.Helper()
	var d dialing
	for _, o := range opts {
		o(&d)
	}
	addr = host(addr)
	nd := net.Dialer{Timeout: testkit.Patience}
	if d.receive > 0 {
		nd.Control = receiveBuffer(d.receive)
	}
	nc, err := nd.DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	p := &Peer{Conn: nc, TCP: nc.(*net.TCPConn), t: t, addr: addr}
	if d.tls != nil {
		secure := tls.Client(nc, d.tls)
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = nc.Close()
			return nil, err
		}
		p.Conn = secure
	}
	p.R = bufio.NewReader(p.Conn)
	t.Cleanup(func() { _ = p.TCP.Close() })
	return p, nil
}

// On returns a Peer on a connection that exists. On a pipe its Timeout is an hour, because
// pipes are for the fake clock of testing/synctest.
func On(t testing.TB, c net.Conn) *Peer {
	t.Helper()
	p := &Peer{Conn: c, R: bufio.NewReader(c), t: t}
	if tcp, ok := c.(*net.TCPConn); ok {
		p.TCP = tcp
	} else {
		p.Timeout = time.Hour
	}
	t.Cleanup(p.Abort)
	return p
}

// deadline returns the time at which a read or write that starts now fails.
func (p *Peer) deadline() time.Time { return time.Now().Add(cmp.Or(p.Timeout, testkit.Patience)) }

func host(addr string) string {
	if _, rest, ok := strings.Cut(addr, "://"); ok {
		return strings.TrimSuffix(rest, "/")
	}
	return addr
}

// Open connects and upgrades to WebSocket at the target, a path with an optional query.
func Open(t testing.TB, addr, target string, opts ...DialOption) *Peer {
	t.Helper()
	var d dialing
	for _, o := range opts {
		o(&d)
	}
	p := Dial(t, addr, opts...)
	p.Write(Upgrade(target, d.lines...))
	if a := p.Answer(); a.Status != http.StatusSwitchingProtocols {
		t.Fatalf("rawpeer: the handshake at %s was answered %d %.200s", target, a.Status, a.Body)
	}
	return p
}

// Write writes raw bytes.
func (p *Peer) Write(raw string) {
	p.t.Helper()
	if err := p.TryWrite(raw); err != nil {
		p.t.Fatalf("rawpeer: writing %.50q: %v", raw, err)
	}
}

// TryWrite is [Peer.Write] with an error.
func (p *Peer) TryWrite(raw string) error {
	_ = p.Conn.SetWriteDeadline(p.deadline())
	_, err := io.WriteString(p.Conn, raw)
	return err
}

// TrySlices writes bytes in slices of n, each with a separate write and so usually in a
// separate TCP segment.
func (p *Peer) TrySlices(raw string, n int) error {
	for raw != "" {
		n = min(n, len(raw))
		if err := p.TryWrite(raw[:n]); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
}

// Close closes the connection with FIN, or RST if data was not read. With TLS it sends
// close_notify first; [Peer.Abort] does not.
func (p *Peer) Close() { _ = p.Conn.Close() }

// Abort closes the TCP connection, or the pipe.
func (p *Peer) Abort() {
	if p.TCP == nil {
		p.Close()
		return
	}
	_ = p.TCP.Close()
}

// Reset closes the connection with RST.
func (p *Peer) Reset() {
	_ = p.TCP.SetLinger(0)
	_ = p.TCP.Close()
}

// HalfClose sends FIN (TLS: after close_notify). The peer can still read.
func (p *Peer) HalfClose() {
	if secure, ok := p.Conn.(*tls.Conn); ok {
		_ = secure.CloseWrite()
	}
	_ = p.TCP.CloseWrite()
}

// WantEnd discards input until the server closes the connection.
func (p *Peer) WantEnd() {
	p.t.Helper()
	_ = p.Conn.SetReadDeadline(p.deadline())
	if _, err := io.Copy(io.Discard, p.R); IsTimeout(err) {
		p.t.Errorf("rawpeer: the server did not close the connection: %v", err)
	}
}

// IsTimeout reports whether err is a timeout, and not the end of the connection.
func IsTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}
