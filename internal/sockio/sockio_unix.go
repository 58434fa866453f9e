//go:build unix

package sockio

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// rawReader is a Reader on a file descriptor.
type rawReader struct {
	conn syscall.RawConn
	try  func(fd uintptr) bool // made once

	block *Block
	n     int
	err   error
}

// NewReader returns nil unless nc is a TCP or Unix socket.
func NewReader(nc net.Conn) Reader {
	raw := rawConn(nc)
	if raw == nil {
		return nil
	}
	r := readers.Get().(*rawReader)
	r.conn = raw
	return r
}

var readers = sync.Pool{New: func() any {
	r := new(rawReader)
	r.try = r.tryRead
	return r
}}

func (r *rawReader) Free() {
	*r = rawReader{try: r.try}
	readers.Put(r)
}

// rawConn returns nil unless nc is itself a socket: the bytes of the socket below TLS
// are not those of the connection.
func rawConn(nc net.Conn) syscall.RawConn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

func (r *rawReader) Read() (*Block, int, error) {
	r.block, r.n, r.err = nil, 0, nil
	if err := r.conn.Read(r.try); err != nil && r.err == nil {
		r.err = err
	}
	b := r.block
	r.block = nil
	return b, r.n, r.err
}

// tryRead returns false when there is nothing to read yet.
func (r *rawReader) tryRead(fd uintptr) bool {
	b := blockPool.Get().(*Block)
	for {
		n, err := syscall.Read(int(fd), b[:])
		if n > 0 {
			r.block, r.n = b, n
			return true
		}
		if err == syscall.EINTR {
			continue
		}
		b.Free()
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

// rawWriter is a Writer on a file descriptor.
type rawWriter struct{ conn syscall.RawConn }

// writing is one TryWrite. They are pooled, so that a connection at rest holds none.
type writing struct {
	try func(fd uintptr) // made once

	p []byte
	n int
}

var writings = sync.Pool{New: func() any {
	w := new(writing)
	w.try = w.tryWrite
	return w
}}

// NewWriter returns nil unless nc is a TCP or Unix socket.
func NewWriter(nc net.Conn) Writer {
	raw := rawConn(nc)
	if raw == nil {
		return nil
	}
	return &rawWriter{raw}
}

func (w *rawWriter) TryWrite(p []byte) int {
	one := writings.Get().(*writing)
	one.p, one.n = p, 0
	_ = w.conn.Control(one.try) // Write would look for a deadline and another writer first: there is neither
	n := one.n
	one.p = nil
	writings.Put(one)
	return n
}

func (w *rawWriter) Closed() bool { return w.conn.Control(func(uintptr) {}) != nil }

func (w *writing) tryWrite(fd uintptr) {
	for {
		n, err := syscall.Write(int(fd), w.p)
		if err != syscall.EINTR {
			w.n = max(n, 0)
			return
		}
	}
}
