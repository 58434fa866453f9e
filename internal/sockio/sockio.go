// Package sockio does with sockets what package net does not offer: reading without a
// buffer in hand, writing without waiting, and asking the kernel about the peer. Where
// the system or the connection does not allow it, constructors return nil and reports
// say so; callers need a second way.
package sockio

import (
	"net"
	"sync"
)

// BlockSize is how much is read at once: several messages of a few KiB, so that the
// answers to a burst go out in one write.
const BlockSize = 64 << 10

// Block is pooled memory for bytes that were read.
type Block [BlockSize]byte

var blockPool = sync.Pool{New: func() any { return new(Block) }}

// Free returns the block to its pool.
func (b *Block) Free() { blockPool.Put(b) }

// Reader reads from a socket into a Block that it takes when there is something to
// read, so a connection that waits holds none. For one goroutine at a time.
type Reader interface {
	// Read waits for bytes. The block is not nil only with n > 0; the caller frees it.
	Read() (b *Block, n int, err error)
	// Free returns the reader to its pool. It must not be used after that.
	Free()
}

// Writer writes to a socket without waiting for it. For one goroutine at a time.
type Writer interface {
	// TryWrite returns how many bytes the socket accepted. An error counts as 0: the
	// next ordinary write meets it.
	TryWrite(p []byte) int
	// Closed reports whether the socket was closed on this side. Unlike TryWrite, it is safe
	// for concurrent use.
	Closed() bool
}

// TCPConn returns the TCP connection below nc, also below TLS; nil without one.
func TCPConn(nc net.Conn) *net.TCPConn {
	for {
		t, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		nc = t.NetConn()
	}
	tcp, _ := nc.(*net.TCPConn)
	return tcp
}
