package apptest

import (
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// memoryBuffer is how many bytes a connection in memory holds in each direction.
const memoryBuffer = 64 << 10

// memoryConn is one end of a connection in memory. It behaves as a TCP connection: writes wait
// only when the buffer is full, Close lets the peer read what was written, and after SetLinger(0) it
// resets the connection. Waiting is durably blocked in the sense of testing/synctest, also
// for several goroutines that write at once.
type memoryConn struct {
	in, out       *stream
	local, remote net.Addr
	resets        atomic.Bool // Close resets
}

func newMemoryConns(client, server net.Addr) (*memoryConn, *memoryConn) {
	up, down := &stream{}, &stream{}
	return &memoryConn{in: down, out: up, local: client, remote: server}, &memoryConn{in: up, out: down, local: server, remote: client}
}

// Read implements [net.Conn].
func (c *memoryConn) Read(p []byte) (n int, err error) {
	err = c.in.await(&c.in.readBy, func(s *stream) (done bool, err error) {
		switch {
		case s.readClosed:
			return true, net.ErrClosed
		case s.reset:
			return true, syscall.ECONNRESET
		case len(p) == 0:
			return true, nil
		case len(s.data) > 0:
			n = copy(p, s.data)
			s.data = slices.Delete(s.data, 0, n)
			return true, nil
		case s.writeClosed:
			return true, io.EOF
		}
		return false, nil
	})
	return n, c.failed("read", err)
}

// Write implements [net.Conn].
func (c *memoryConn) Write(p []byte) (n int, err error) {
	err = c.out.await(&c.out.writeBy, func(s *stream) (done bool, err error) {
		switch {
		case s.writeClosed:
			return true, net.ErrClosed
		case s.reset:
			return true, syscall.ECONNRESET
		case s.readClosed:
			return true, syscall.EPIPE
		}
		fits := min(len(p)-n, memoryBuffer-len(s.data))
		s.data = append(s.data, p[n:n+fits]...)
		n += fits
		return n == len(p), nil
	})
	return n, c.failed("write", err)
}

// failed returns an error as package net does.
func (c *memoryConn) failed(op string, err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // of this file
		return err
	}
	return &net.OpError{Op: op, Net: "memory", Source: c.local, Addr: c.remote, Err: err}
}

// Close implements [net.Conn].
func (c *memoryConn) Close() error {
	reset := c.resets.Load()
	c.in.update(func(s *stream) {
		reset = reset || len(s.data) > 0 && !s.readClosed // as TCP does for unread data
		s.readClosed, s.data = true, nil
	})
	c.out.update(func(s *stream) {
		s.writeClosed = true
		if reset {
			s.reset, s.data = true, nil
		}
	})
	return nil
}

// SetLinger is that of [net.TCPConn].
func (c *memoryConn) SetLinger(seconds int) error {
	c.resets.Store(seconds == 0)
	return nil
}

// LocalAddr implements [net.Conn].
func (c *memoryConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn].
func (c *memoryConn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements [net.Conn].
func (c *memoryConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements [net.Conn].
func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.in.update(func(s *stream) { s.readBy = t })
	return nil
}

// SetWriteDeadline implements [net.Conn].
func (c *memoryConn) SetWriteDeadline(t time.Time) error {
	c.out.update(func(s *stream) { s.writeBy = t })
	return nil
}

// stream is one direction of a connection.
type stream struct {
	mu              sync.Mutex    // held for moments only
	changed         chan struct{} // closed by the next update; nil while none waits
	data            []byte
	readClosed      bool // by the reader
	writeClosed     bool // by the writer
	reset           bool
	readBy, writeBy time.Time
}

func (s *stream) update(f func(*stream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
	s.wake()
}

func (s *stream) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// await calls try after each change, until it is done or the deadline has passed.
func (s *stream) await(by *time.Time, try func(*stream) (done bool, err error)) error {
	for {
		changed, deadline, done, err := s.attempt(by, try)
		if done {
			return err
		}
		if deadline.IsZero() {
			<-changed
			continue
		}
		timer := time.NewTimer(time.Until(deadline))
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *stream) attempt(by *time.Time, try func(*stream) (bool, error)) (changed chan struct{}, deadline time.Time, done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if deadline = *by; !deadline.IsZero() && !time.Now().Before(deadline) {
		return nil, deadline, true, os.ErrDeadlineExceeded
	}
	before := len(s.data)
	done, err = try(s)
	if len(s.data) != before {
		s.wake()
	}
	if s.changed == nil && !done {
		s.changed = make(chan struct{})
	}
	return s.changed, deadline, done, err
}
