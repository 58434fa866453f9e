// Package sizeclass pools values that own a buffer, by the size of the buffer, so that a
// small message never gets a large buffer: queues are limited by the memory that they
// hold.
package sizeclass

import (
	"math/bits"
	"sync"
)

// The size classes are the powers of two from Smallest to Largest.
const (
	Smallest = 256
	Largest  = 64 << 10

	shift   = 8 // log2(Smallest)
	classes = 9
)

// Pool is a set of pools, one for each class. The zero value is ready to use. Its methods
// are safe for concurrent use.
type Pool[T any] struct{ pools [classes]sync.Pool }

// Get returns a pooled value with a buffer of at least n bytes, or nil and the capacity
// for a new buffer. Over Largest that is n: such buffers are not pooled.
func (p *Pool[T]) Get(n int) (v *T, capacity int) {
	if n > Largest {
		return nil, n
	}
	i := class(n)
	v, _ = p.pools[i].Get().(*T)
	return v, Smallest << i
}

// Put returns a value with a buffer of that capacity to the pool. It drops values whose
// capacity is not a size class.
func (p *Pool[T]) Put(v *T, capacity int) {
	if i := class(capacity); capacity <= Largest && capacity == Smallest<<i {
		p.pools[i].Put(v)
	}
}

// class returns the smallest size class for n bytes; n must not exceed Largest.
func class(n int) int {
	if n <= Smallest {
		return 0
	}
	return bits.Len(uint(n-1)) - shift
}
