package wsconn

import "github.com/gatehouse-go/gatehouse/internal/sizeclass"

// partial is bytes that have come and are not complete yet. Its memory is in proportion
// to them, whatever length was announced: up to [sizeclass.Largest] the smallest size
// class that holds them, above it at most a quarter more. The zero value is empty.
type partial struct{ buf *[]byte }

var partialPool sizeclass.Pool[[]byte]

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
	larger, capacity := partialPool.Get(n)
	if larger == nil {
		if n > sizeclass.Largest {
			capacity += n / 4 // otherwise each piece of a long message would copy all of it
		}
		larger = new(make([]byte, 0, capacity))
	}
	*larger = append((*larger)[:0], p.bytes()...)
	p.free()
	p.buf = larger
}

func (p *partial) free() {
	if p.buf != nil {
		partialPool.Put(p.buf, cap(*p.buf))
		p.buf = nil
	}
}
