package wsconn

import "github.com/gatehouse-go/gatehouse/internal/sizeclass"

// partial is bytes that have come and are not complete yet. Its memory is in proportion
// to them, whatever length was announced: up to [sizeclass.Largest] the smallest size
// class that holds them, above it at most a quarter more. The zero value is empty.
type partial struct{ buf *[]byte }

// bytes returns what was added; nil when it is empty.
func (p *partial) bytes() []byte {
	if p.buf == nil {
		return nil
	}
	return *p.buf
}

func (p *partial) add(b []byte) {
	if p.buf == nil || cap(*p.buf)-len(*p.buf) < len(b) {
		p.grow(len(b))
	}
	*p.buf = append(*p.buf, b...)
}

// grow replaces the buffer by one with room for n more bytes.
func (p *partial) grow(n int) {
	n += len(p.bytes())
	if n > sizeclass.Largest {
		n += n / 4 // otherwise each piece of a long message would copy all of it
	}
	larger := getSized(n)
	*larger = append(*larger, p.bytes()...)
	p.free()
	p.buf = larger
}

func (p *partial) free() {
	if p.buf != nil {
		putSized(p.buf)
		p.buf = nil
	}
}

// sizedPool has buffers whose sizes are known when they are needed.
var sizedPool sizeclass.Pool[[]byte]

// getSized returns an empty buffer for n bytes.
func getSized(n int) *[]byte {
	b, capacity := sizedPool.Get(n)
	if b == nil {
		return new(make([]byte, 0, capacity))
	}
	*b = (*b)[:0]
	return b
}

func putSized(b *[]byte) { sizedPool.Put(b, cap(*b)) }
