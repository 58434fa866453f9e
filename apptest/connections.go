package apptest

import (
	"net"
	"sync"
	"syscall"
)

// connections is a listener that can reset all connections it has accepted.
type connections struct {
	net.Listener

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	prune  int // when so many are in open, those that are closed are removed
	killed bool
}

// Accept implements [net.Listener]. It returns the connection itself, whose file descriptor the
// platforms use.
func (l *connections) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.killed {
		reset(c)
		return nil, net.ErrClosed
	}
	if l.open == nil {
		l.open, l.prune = map[net.Conn]struct{}{}, 64
	}
	if len(l.open) >= l.prune {
		for c := range l.open {
			if closed(c) {
				delete(l.open, c)
			}
		}
		l.prune = max(64, 2*len(l.open))
	}
	l.open[c] = struct{}{}
	return c, nil
}

// kill closes the listener and resets all connections.
func (l *connections) kill() {
	_ = l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.killed = true
	for c := range l.open {
		reset(c)
	}
	l.open = nil
}

// reset ends a connection as the end of its process does while it has unread data.
func reset(c net.Conn) {
	if tcp, ok := c.(lingerer); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// closed reports whether this side has closed the connection.
func closed(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	return err != nil || raw.Control(func(uintptr) {}) != nil
}
