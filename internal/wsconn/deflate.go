package wsconn

import (
	"bytes"
	"compress/flate"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// A message to many clients is compressed once, where each message is compressed on its own: then the bytes
// are the same for all. With CompressionStream they depend on what the client was sent before, and the library
// compresses for each.

// deflateLeast is from how many bytes on messages are compressed, as by the library.
const deflateLeast = 512

// deflated is a compressed frame.
type deflated struct {
	once  sync.Once
	bytes []byte
}

// compressed returns the frame as it goes to clients with CompressionEach. It is compressed in the first call.
func (f *Frame) compressed() []byte {
	if len(f.Payload()) < deflateLeast {
		return f.bytes
	}
	d := f.deflated.Load()
	if d == nil {
		f.deflated.CompareAndSwap(nil, new(deflated))
		d = f.deflated.Load()
	}
	d.once.Do(func() { d.bytes = deflate(f.op, f.Payload()) })
	return d.bytes
}

var flateWriters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil { // for a level that does not exist only
		return err
	}
	return w
}}

// deflate returns a frame with a compressed message, RFC 7692 §7.2.1.
func deflate(op byte, payload []byte) []byte {
	w, _ := flateWriters.Get().(*flate.Writer)
	defer flateWriters.Put(w)
	var b bytes.Buffer
	b.Grow(HeaderRoom + len(payload)/2)
	b.Write(make([]byte, HeaderRoom))
	w.Reset(&b)
	_, _ = w.Write(payload) // a Buffer has no errors
	_ = w.Flush()
	buf := bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
	return buf[rfc6455.PutHeader(op|rfc6455.Rsv1, buf):]
}

// onWire returns the bytes of a frame of the item; false where the library must compress it.
func (c *Conn) onWire(it Item, f *Frame) (p []byte, ok bool) {
	switch {
	case !c.framed.deflate || it.Plain:
		return f.bytes, true
	case c.cfg.Compression == CompressionEach && !it.Once:
		return f.compressed(), true
	}
	return nil, false
}
