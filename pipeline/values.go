package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Value identifies a typed value of one client, kept as long as it is connected, or of
// one HTTP request. Create one per value, in a package variable; values are compared by
// pointer.
//
//	var User = pipeline.NewValue[*auth.User]("user")
//
//	User.Set(call, u)            // in a guard
//	u, ok := User.From(ctx)      // in any handler
//
// Its methods are safe for concurrent use.
type Value[T any] struct {
	name    string
	options valueOptions
}

// NewValue returns a Value. The name is for logs and debuggers, and for other nodes if the value
// is [Shared].
func NewValue[T any](name string, opts ...ValueOption) *Value[T] {
	v := &Value[T]{name: name}
	for _, o := range opts {
		o(&v.options)
	}
	return v
}

// String returns the name.
func (k *Value[T]) String() string { return k.name }

// Holder has values: a [Call], a client, a handshake.
type Holder interface{ Values() *Values }

// Get returns the value, and whether it is set.
func (k *Value[T]) Get(h Holder) (T, bool) {
	v, ok := h.Values().load(k)
	t, _ := v.(T)
	return t, ok
}

// From returns the value of the client or request whose handler received ctx, and
// whether it is set.
func (k *Value[T]) From(ctx context.Context) (v T, ok bool) {
	if h := HolderFrom(ctx); h != nil {
		return k.Get(h)
	}
	return v, false
}

// Set stores v for as long as the client is connected, or the request lasts.
func (k *Value[T]) Set(h Holder, v T) { h.Values().put(k, v) }

// GetOrSet returns the value if it is set; otherwise it stores and returns v. Of
// several goroutines that call it at once, one stores. After the client has
// disconnected, v is not stored.
func (k *Value[T]) GetOrSet(h Holder, v T) T {
	t, _ := h.Values().loadOrStore(k, v).(T)
	return t
}

// Delete removes the value.
func (k *Value[T]) Delete(h Holder) { h.Values().remove(k) }

// Values is the store of [Value]s. The zero value is empty and ready to use. It is safe
// for concurrent use.
type Values struct{ store atomic.Pointer[store] }

// store is what Values holds once there was a value, or its end.
type store struct {
	mu    sync.RWMutex
	m     map[any]any
	watch func() // see Watch; nil without
	ended bool
}

// ended is the store of those that have ended without a value. It never changes.
var ended = &store{ended: true}

// made returns the store, which it makes.
func (v *Values) made() *store {
	if s := v.store.Load(); s != nil {
		return s
	}
	v.store.CompareAndSwap(nil, new(store))
	return v.store.Load()
}

// Values returns v itself, so that Values is a [Holder].
func (v *Values) Values() *Values { return v }

// End removes all values, calls f for each, and ignores values set later. The framework
// calls it when a client has disconnected.
func (v *Values) End(f func(value any)) {
	if v.store.CompareAndSwap(nil, ended) {
		return
	}
	for _, x := range v.store.Load().end() {
		f(x)
	}
}

func (s *store) end() map[any]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.m
	s.m, s.watch, s.ended = nil, nil, true
	return m
}

// Names returns the names of the values that are set, sorted, for tools.
func (v *Values) Names() []string {
	s := v.store.Load()
	if s == nil {
		return nil
	}
	var names []string
	s.mu.RLock()
	for key := range s.m {
		if k, ok := key.(fmt.Stringer); ok {
			names = append(names, k.String())
		}
	}
	s.mu.RUnlock()
	slices.Sort(names)
	return names
}

// Inherit copies the values of other that are not set in v.
func (v *Values) Inherit(other *Values) {
	s := other.store.Load()
	if s == nil {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k, x := range s.m {
		if _, ok := v.load(k); !ok {
			v.put(k, x)
		}
	}
}

func (v *Values) load(k any) (any, bool) {
	s := v.store.Load()
	if s == nil {
		return nil, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	x, ok := s.m[k]
	return x, ok
}

// keyed returns the values whose keys are of type K; nil without any.
func keyed[K comparable](v *Values) map[K]any {
	s := v.store.Load()
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all map[K]any
	for key, x := range s.m {
		if k, ok := key.(K); ok {
			if all == nil {
				all = map[K]any{}
			}
			all[k] = x
		}
	}
	return all
}

// Watch has f be called after each change of a shared value. The framework calls it.
func (v *Values) Watch(f func()) {
	s := v.made()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.watch = f
	}
}

// notify calls the function of Watch after a change of the value of k.
func notify(k any, watch func()) {
	if watch == nil {
		return
	}
	if key, ok := k.(SharedKey); ok && key.IsShared() {
		watch()
	}
}

func (v *Values) put(k, x any) {
	s := v.made()
	s.mu.Lock()
	s.put(k, x)
	watch := s.watch
	s.mu.Unlock()
	notify(k, watch)
}

func (s *store) put(k, x any) {
	if s.ended {
		return
	}
	if s.m == nil {
		s.m = make(map[any]any, 2)
	}
	s.m[k] = x
}

func (v *Values) loadOrStore(k, x any) any {
	s := v.made()
	s.mu.Lock()
	old, ok := s.m[k]
	if ok {
		s.mu.Unlock()
		return old
	}
	s.put(k, x)
	watch := s.watch
	s.mu.Unlock()
	notify(k, watch)
	return x
}

func (v *Values) remove(k any) {
	s := v.store.Load()
	if s == nil {
		return
	}
	s.mu.Lock()
	delete(s.m, k)
	watch := s.watch
	s.mu.Unlock()
	notify(k, watch)
}

type holderKey struct{}

// WithHolder returns a context from which [Value.From] reads the values of h. The
// framework calls it for handlers; use it in unit tests.
func WithHolder(ctx context.Context, h Holder) context.Context {
	return context.WithValue(ctx, holderKey{}, h)
}

// HolderFrom returns the client or request of the context; nil without one.
func HolderFrom(ctx context.Context) Holder {
	h, _ := ctx.Value(holderKey{}).(Holder)
	return h
}
