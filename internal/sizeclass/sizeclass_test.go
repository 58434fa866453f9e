package sizeclass

import "testing"

type value struct{ buf []byte }

func TestCapacity(t *testing.T) {
	for _, c := range []struct{ n, want int }{
		{0, 256},
		{1, 256},
		{256, 256},
		{257, 512},
		{512, 512},
		{513, 1024},
		{64<<10 - 1, 64 << 10},
		{64 << 10, 64 << 10},
		{64<<10 + 1, 64<<10 + 1},
		{1 << 20, 1 << 20},
	} {
		var p Pool[value]
		if v, got := p.Get(c.n); v != nil || got != c.want {
			t.Errorf("Get(%d) of an empty pool is %v, %d, want nil, %d", c.n, v, got, c.want)
		}
	}
}

func TestGetNeverReturnsAnotherClass(t *testing.T) {
	var p Pool[value]
	for _, n := range []int{0, 100, 256, 300, 512, 4096, 5000, 64 << 10, 1 << 20} {
		p.Put(&value{make([]byte, 0, n)}, n)
	}
	for n := 0; n <= Largest; n += 111 {
		if v, want := p.Get(n); v != nil && cap(v.buf) != want {
			t.Errorf("Get(%d) returned a buffer of %d bytes, want %d", n, cap(v.buf), want)
		}
	}
}
