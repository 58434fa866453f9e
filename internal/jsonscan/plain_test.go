package jsonscan

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func slow(b []byte, i int) int {
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' {
			return i
		}
	}
	return i
}

// Plain finds every quote, backslash and control character at any place, and nothing else.
func TestPlainEverywhere(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 63, 64, 65, 100, 575, 576, 577, 1200} {
		for c := range 256 {
			for _, at := range []int{0, 1, 8, n / 2, n - 9, n - 1} {
				if at < 0 || at >= n {
					continue
				}
				b := bytes.Repeat([]byte{'a'}, n)
				b[at] = byte(c)
				if got, want := Plain(b, 0), slow(b, 0); got != want {
					t.Fatalf("%#x at %d of %d: %d instead of %d", c, at, n, got, want)
				}
			}
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte(`short"`), 0)
	f.Add([]byte(strings.Repeat("é€ text ", 100)+"\\n"), 3)
	f.Add([]byte(strings.Repeat("\xff\x1f", 400)), 1)
	f.Fuzz(func(t *testing.T, b []byte, i int) {
		i = min(max(i, 0), len(b))
		if got, want := Plain(b, i), slow(b, i); got != want {
			t.Fatalf("%d instead of %d", got, want)
		}
	})
}

func BenchmarkPlain(b *testing.B) {
	for _, n := range []int{8, 64, 4096} {
		text := append(bytes.Repeat([]byte{'a'}, n), '"')
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				Plain(text, 0)
			}
		})
	}
}
