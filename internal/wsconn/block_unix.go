//go:build unix

package wsconn

import (
	"io"
	"net"
	"os"
	"syscall"
)

// rawRead is a directRead by the file descriptor.
type rawRead struct {
	conn syscall.RawConn
	try  func(fd uintptr) bool // made once

	block *block
	n     int
	err   error
}

// newDirectRead gives nil for what is no socket.
func newDirectRead(nc net.Conn) directRead {
	raw := rawConn(nc)
	if raw == nil {
		return nil
	}
	r := &rawRead{conn: raw}
	r.try = r.readNow
	return r
}

// rawConn gives nil for what is no socket, such as TLS: the bytes of a socket below
// need not be those of the connection.
func rawConn(nc net.Conn) syscall.RawConn {
	var s syscall.Conn
	switch c := nc.(type) {
	case *net.TCPConn:
		s = c
	case *net.UnixConn:
		s = c
	default:
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// writeNow writes to a socket without waiting for it. One write at a time.
type writeNow struct {
	conn syscall.RawConn
	try  func(fd uintptr) bool // made once

	p []byte
	n int
}

// newWriteNow gives nil for what is no socket.
func newWriteNow(nc net.Conn) nowWriter {
	raw := rawConn(nc)
	if raw == nil {
		return nil
	}
	w := &writeNow{conn: raw}
	w.try = w.once
	return w
}

// write gives how much the socket took. Errors are for the next one to meet.
func (w *writeNow) write(p []byte) int {
	w.p, w.n = p, 0
	_ = w.conn.Write(w.try)
	w.p = nil
	return w.n
}

func (w *writeNow) once(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), w.p)
		if err == syscall.EINTR {
			continue
		}
		w.n = max(n, 0)
		return true // in any case: nobody waits here
	}
}

func (r *rawRead) read() (*block, int, error) {
	r.block, r.n, r.err = nil, 0, nil
	if err := r.conn.Read(r.try); err != nil && r.err == nil {
		r.err = err
	}
	b := r.block
	r.block = nil
	return b, r.n, r.err
}

// readNow reads what there is; false when that is nothing yet.
func (r *rawRead) readNow(fd uintptr) bool {
	b := blockPool.Get().(*block)
	for {
		n, err := syscall.Read(int(fd), b[:])
		if n > 0 {
			r.block, r.n = b, n
			return true
		}
		if err == syscall.EINTR {
			continue
		}
		blockPool.Put(b)
		switch err {
		case syscall.EAGAIN:
			return false
		case nil:
			r.err = io.EOF
		default:
			r.err = os.NewSyscallError("read", err)
		}
		return true
	}
}
