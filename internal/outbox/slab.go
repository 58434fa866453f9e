package outbox

import (
	"reflect"
	"sync"
)

type entry[T any] struct {
	item T
	size int
	drop bool // DropOldest may drop it
	gone bool // it was dropped
}

// EntrySize returns how many bytes the queue itself holds for one item: a slab grows in
// steps and may be half empty.
func EntrySize[T any]() int { return 2 * int(reflect.TypeFor[entry[T]]().Size()) }

// Pool keeps the memory of empty queues. The queues of a server share one. The zero value is
// ready to use.
type Pool[T any] struct{ p sync.Pool }

// Slabs with room for more entries than this are not kept.
const pooledEntries = 256

func (p *Pool[T]) get() *slab[T] {
	if s, ok := p.p.Get().(*slab[T]); ok {
		return s
	}
	return &slab[T]{}
}

func (p *Pool[T]) put(s *slab[T]) {
	if cap(s.entries) <= pooledEntries {
		clear(s.entries)
		*s = slab[T]{entries: s.entries[:0], batch: s.batch}
		p.p.Put(s)
	}
}

// slab is the memory of a queue that is not empty. Every operation is O(1) amortized: an
// entry is appended, checked for dropping and removed once, and moved only when half of
// the slab is free.
type slab[T any] struct {
	entries   []entry[T]
	head      int // entries before it were taken
	kept      int // entries before it cannot be dropped
	gone      int // dropped entries from head on
	droppable int // bytes that may be dropped
	batch     []T
}

func (s *slab[T]) len() int    { return len(s.entries) - s.head - s.gone }
func (s *slab[T]) empty() bool { return s.len() == 0 }

// take removes entries and appends them to dst, up to the given numbers of items and bytes
// and at least one. It returns their size.
func (s *slab[T]) take(dst []T, items, bytes int) (_ []T, size int) {
	for s.head < len(s.entries) && len(dst) < items {
		e := &s.entries[s.head]
		if e.gone {
			s.gone--
			s.head++
			continue
		}
		if len(dst) > 0 && size+e.size > bytes {
			break
		}
		dst = append(dst, e.item)
		size += e.size
		if e.drop {
			s.droppable -= e.size
		}
		*e = entry[T]{}
		s.head++
	}
	s.compact()
	return dst, size
}

// dropNext drops the oldest droppable entry and returns its size. There must be one.
func (s *slab[T]) dropNext() int {
	i := max(s.kept, s.head)
	for !s.entries[i].drop {
		i++
	}
	s.kept = i + 1
	size := s.entries[i].size
	s.entries[i] = entry[T]{gone: true}
	s.gone++
	s.droppable -= size
	return size
}

// compact moves the entries to the front when more than half of the slab is free:
// otherwise a slab that is never empty would grow without end.
func (s *slab[T]) compact() {
	if free := s.head + s.gone; free < pooledEntries/2 || free <= len(s.entries)/2 {
		return
	}
	n, kept := 0, 0
	for i := s.head; i < len(s.entries); i++ {
		if s.entries[i].gone {
			continue
		}
		if i < s.kept {
			kept++
		}
		s.entries[n] = s.entries[i]
		n++
	}
	clear(s.entries[n:])
	s.entries, s.head, s.gone, s.kept = s.entries[:n], 0, 0, kept
}

// clear drops all entries and returns their size.
func (s *slab[T]) clear() (size int) {
	for _, e := range s.entries[s.head:] {
		size += e.size
	}
	clear(s.entries)
	s.entries, s.head, s.gone, s.kept, s.droppable = s.entries[:0], 0, 0, 0, 0
	return size
}
