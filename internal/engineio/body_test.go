package engineio

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// The memory of a body is in proportion to what has arrived, whatever was announced.
func TestReadAll(t *testing.T) {
	body := strings.Repeat("0123456789", 10_000)
	for _, size := range []int64{-1, 0, 10, 600, 100_000} {
		for _, n := range []int{0, 1, 511, 512, 513, 5000, 100_000} {
			for name, r := range map[string]io.Reader{
				"at once": strings.NewReader(body[:n]), "in bytes": iotest.OneByteReader(strings.NewReader(body[:n])),
				"end with the last": iotest.DataErrReader(strings.NewReader(body[:n])),
			} {
				got, err := readAll(r, size)
				if err != nil || string(got) != body[:n] {
					t.Errorf("%d bytes of %d, %s: got %d, %v", n, size, name, len(got), err)
				}
				if most := max(firstRead, 2*n); cap(got) > most {
					t.Errorf("%d bytes of %d, %s: %d are held, want at most %d", n, size, name, cap(got), most)
				}
			}
		}
	}
	broken := errors.New("broken")
	if got, err := readAll(io.MultiReader(strings.NewReader("a"), iotest.ErrReader(broken)), 1000); !errors.Is(err, broken) || string(got) != "a" {
		t.Errorf("%q, %v", got, err)
	}
}
