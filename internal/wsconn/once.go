package wsconn

import "sync"

// Frames for a single connection come from pools by size, so that a short message
// does not hold a long buffer while it waits: buffers of onceSizes[i] bytes and more,
// up to the next size.
var (
	onceSizes = [...]int{128, 512, 2 << 10, 8 << 10, 32 << 10}
	oncePools [len(onceSizes)]sync.Pool
)

// OnceFrame returns a frame for a single connection, with a buffer to append the
// payload to. The buffer has HeaderRoom+extra bytes in front, and capacity for about
// size more; a larger payload is appended all the same. After SealOnce the frame
// belongs to its Item, which must have Once set.
func OnceFrame(extra, size int) (*Frame, []byte) {
	front := HeaderRoom + extra
	for i, c := range onceSizes {
		if front+size > c {
			continue
		}
		f, ok := oncePools[i].Get().(*Frame)
		if !ok {
			f = &Frame{own: make([]byte, 0, c)}
		}
		return f, f.own[:front]
	}
	return &Frame{}, make([]byte, front, front+size)
}

// SealOnce makes the frame of buf, of which OnceFrame returned the beginning; its
// first skip bytes are left out.
func (f *Frame) SealOnce(text bool, buf []byte, skip int) {
	f.own = buf
	f.seal(text, buf[skip:])
}

// Free returns the frame and its buffer to their pool.
func (f *Frame) Free() {
	n := cap(f.own)
	if n > maxPooled {
		return
	}
	for i := len(onceSizes) - 1; i >= 0; i-- {
		if n >= onceSizes[i] {
			f.bytes = nil
			oncePools[i].Put(f)
			return
		}
	}
}
