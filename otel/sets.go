package otel

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// attributes is one attribute set in the forms that instruments take, so that recording allocates nothing.
type attributes struct {
	add     []metric.AddOption
	record  []metric.RecordOption
	observe []metric.ObserveOption
}

func newAttributes(all ...attribute.KeyValue) *attributes {
	set := metric.WithAttributeSet(attribute.NewSet(all...))
	return &attributes{[]metric.AddOption{set}, []metric.RecordOption{set}, []metric.ObserveOption{set}}
}

// overflow is the attribute set of everything that a full cache does not keep, as in the SDK.
var overflow = newAttributes(keyOverflow.Bool(true))

// sets keeps attribute sets by what they are made of. It is safe for concurrent use.
type sets[K comparable] struct {
	make func(K) []attribute.KeyValue
	all  cache[K, *attributes]
}

func (s *sets[K]) get(k K) *attributes {
	if a, ok := s.all.get(k); ok {
		return a
	}
	a := newAttributes(s.make(k)...)
	if !s.all.put(k, a) {
		return overflow
	}
	return a
}

// maxCached is how many values a cache keeps. What they are made of is declared, so an application is far below.
const maxCached = 2000

// cache keeps values that are read for every message and rarely added: reading takes no lock.
type cache[K comparable, V any] struct {
	all atomic.Pointer[map[K]V] // replaced as a whole
	mu  sync.Mutex              // held while it is replaced
}

func (c *cache[K, V]) get(k K) (v V, ok bool) {
	if all := c.all.Load(); all != nil {
		v, ok = (*all)[k]
	}
	return v, ok
}

// put keeps a value, and reports whether there was room for it.
func (c *cache[K, V]) put(k K, v V) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[K]V{}
	if all := c.all.Load(); all != nil {
		if len(*all) >= maxCached {
			return false
		}
		maps.Copy(next, *all)
	}
	next[k] = v
	c.all.Store(&next)
	return true
}

// names are a bounded number of names.
type names struct {
	most int
	all  atomic.Pointer[map[string]bool]
	mu   sync.Mutex // held while it is replaced
}

// has reports whether a name is known.
func (n *names) has(name string) bool {
	all := n.all.Load()
	return all != nil && (*all)[name]
}

// add makes names known, and reports whether there was room for all of them.
func (n *names) add(more ...string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := map[string]bool{}
	if all := n.all.Load(); all != nil {
		maps.Copy(next, *all)
	}
	for _, name := range more {
		if !next[name] && len(next) >= n.most {
			n.all.Store(&next)
			return false
		}
		next[name] = true
	}
	n.all.Store(&next)
	return true
}
