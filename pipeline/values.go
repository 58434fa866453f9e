package pipeline

import (
	"context"
	"sync"
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
func (k *Value[T]) Set(h Holder, v T) { h.Values().store(k, v) }

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
type Values struct {
	mu    sync.RWMutex
	m     map[any]any
	ended bool
}

// Values returns v itself, so that Values is a [Holder].
func (v *Values) Values() *Values { return v }

// End removes all values, calls f for each, and ignores values set later. The framework
// calls it when a client has disconnected.
func (v *Values) End(f func(value any)) {
	v.mu.Lock()
	m := v.m
	v.m, v.ended = nil, true
	v.mu.Unlock()
	for _, x := range m {
		f(x)
	}
}

// Inherit copies the values of other that are not set in v.
func (v *Values) Inherit(other *Values) {
	other.mu.RLock()
	defer other.mu.RUnlock()
	for k, x := range other.m {
		if _, ok := v.load(k); !ok {
			v.store(k, x)
		}
	}
}

func (v *Values) load(k any) (any, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	x, ok := v.m[k]
	return x, ok
}

// keyed returns the values whose keys are of type K; nil without any.
func keyed[K comparable](v *Values) map[K]any {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var all map[K]any
	for key, x := range v.m {
		if k, ok := key.(K); ok {
			if all == nil {
				all = map[K]any{}
			}
			all[k] = x
		}
	}
	return all
}

func (v *Values) store(k, x any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(k, x)
}

func (v *Values) put(k, x any) {
	if v.ended {
		return
	}
	if v.m == nil {
		v.m = make(map[any]any, 2)
	}
	v.m[k] = x
}

func (v *Values) loadOrStore(k, x any) any {
	v.mu.Lock()
	defer v.mu.Unlock()
	if old, ok := v.m[k]; ok {
		return old
	}
	v.put(k, x)
	return x
}

func (v *Values) remove(k any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.m, k)
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
