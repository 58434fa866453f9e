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

// newDirectRead gives nil for what is no socket, such as TLS.
func newDirectRead(nc net.Conn) directRead {
	var s syscall.Conn
	switch c := nc.(type) {
	case *net.TCPConn:
		s = c
	case *net.UnixConn:
		s = c
	default: // the bytes of a socket below need not be those of the connection
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	r := &rawRead{conn: raw}
	r.try = r.readNow
	return r
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
