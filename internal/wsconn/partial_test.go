package wsconn

import (
	"bytes"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/sizeclass"
)

// However bytes are cut, they are joined in a buffer of their size class, or of a quarter more.
func TestPartial(t *testing.T) {
	for _, step := range []int{1, 100, 256, 5000, 64 << 10, 100_000} {
		var p partial
		if p.bytes() != nil {
			t.Error("a partial starts with bytes")
		}
		var want []byte
		for len(want) < 200_000 {
			piece := bytes.Repeat([]byte{byte(len(want))}, step)
			p.add(piece)
			want = append(want, piece...)
			most := max(2*len(want), sizeclass.Smallest)
			if len(want) > sizeclass.Largest {
				most = len(want) * 5 / 4
			}
			if c := cap(*p.buf); c > most {
				t.Fatalf("%d bytes in pieces of %d are in a buffer of %d", len(want), step, c)
			}
		}
		if !bytes.Equal(p.bytes(), want) {
			t.Errorf("pieces of %d are joined to other bytes", step)
		}
		if p.free(); p.bytes() != nil {
			t.Error("it has bytes after free")
		}
	}
}
