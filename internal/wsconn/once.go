package wsconn

import (
	"math/bits"
	"sync"
)

// Frames for a single connection come from pools by size, so that a short message does
// not hold a long buffer while it waits. Pool i has buffers from onceSize(i) bytes up to
// the next size. The slack above a power of two is for headers: payloads are often of
// such a size.
const (
	oncePools = 10
	onceSlack = 64
)

var oncePool [oncePools]sync.Pool

func onceSize(i int) int { return 128<<i + onceSlack }

// OnceFrame returns a frame for a single connection, with a buffer to append the payload
// to. The buffer has a length of HeaderRoom+extra bytes and a capacity for about size
// more; a larger payload makes it grow. After SealOnce the frame belongs to its Item,
// which must have Once set.
func OnceFrame(extra, size int) (*Frame, []byte) {
	front := HeaderRoom + extra
	i := max(bits.Len(uint(max(front+size-onceSlack, 1)-1))-7, 0)
	if i >= oncePools {
		return &Frame{}, make([]byte, front, front+size)
	}
	f, ok := oncePool[i].Get().(*Frame)
	if !ok {
		f = &Frame{own: make([]byte, 0, onceSize(i))}
	}
	return f, f.own[:front]
}

// SealOnce completes the frame with buf, the extended buffer of OnceFrame without its
// first skip bytes.
func (f *Frame) SealOnce(text bool, buf []byte, skip int) {
	f.own = buf
	f.seal(text, buf[skip:])
}

// Free returns the frame and its buffer to their pool.
func (f *Frame) Free() {
	n := cap(f.own)
	if n < onceSize(0) || n > onceSize(oncePools-1) {
		return
	}
	f.bytes = nil
	oncePool[bits.Len(uint(n-onceSlack))-8].Put(f)
}
