package wsconn

import "sync"

// blockSize is how much is read at once: some messages of a few KiB, so that a burst of
// them is answered in one write.
const blockSize = 64 << 10

// block is memory for what has been read ahead. A connection has one only while
// there is something in it.
type block [blockSize]byte

var blockPool = sync.Pool{New: func() any { return new(block) }}

// directRead reads from a connection into a block that it takes when there is
// something to read: a connection that waits has none. Of the reading goroutine.
type directRead interface {
	// read gives a block only with n > 0.
	read() (b *block, n int, err error)
}

// nowWriter writes to a socket without waiting for it.
type nowWriter interface {
	// write gives how much the socket took.
	write(p []byte) int
}
