package rfc6455

import (
	"bytes"
	"slices"
	"testing"
)

// Unmask restores the payload at any alignment.
func TestUnmask(t *testing.T) {
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	want := make([]byte, 200)
	for i := range want {
		want[i] = byte(i)
	}
	for at := range 9 {
		for n := range len(want) - at {
			got := slices.Clone(want[:n])
			for i := range got {
				got[i] ^= key[(at+i)&3]
			}
			if Unmask(got, key, uint64(at)); !bytes.Equal(got, want[:n]) {
				t.Fatalf("%d bytes at %d: % x", n, at, got)
			}
		}
	}
}

func BenchmarkUnmask(b *testing.B) {
	p := make([]byte, 4096)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		Unmask(p, testMask, 0)
	}
}
