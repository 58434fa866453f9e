package testkit

import (
	"context"
	"net"
	"sync"
)

// Listener is a [net.Listener] in memory: its connections are pipes, which work with the fake
// clock of testing/synctest. Both ends are without a buffer.
type Listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewListener returns a listener in memory.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. It does not close connections.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements [net.Listener].
func (*Listener) Addr() net.Addr { return &net.TCPAddr{} }

// Dial connects to the listener. It waits for Accept, and returns [net.ErrClosed] if the
// listener is closed.
func (l *Listener) Dial() (net.Conn, error) {
	client, server := net.Pipe()
	if err := l.Serve(server); err != nil {
		return nil, err
	}
	return client, nil
}

// DialContext is [Listener.Dial] for [net/http.Transport]; it ignores its arguments.
func (l *Listener) DialContext(context.Context, string, string) (net.Conn, error) { return l.Dial() }

// Serve passes a connection to Accept. It waits for Accept, and returns [net.ErrClosed] if the
// listener is closed.
func (l *Listener) Serve(c net.Conn) error {
	select {
	case l.conns <- c:
		return nil
	case <-l.done:
		return net.ErrClosed
	}
}
