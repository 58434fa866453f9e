package websockets

import "sync"

// Key names a typed value that belongs to one client for as long as it is
// connected. Make one per value, in a package variable; identity is the pointer.
//
//	var User = websockets.NewKey[*auth.User]("user")
//
//	User.Set(client, u)          // in HandleConnection, or on the Handshake in Admit
//	u, ok := User.Get(client)    // in any handler
//
// Its methods are safe for concurrent use.
type Key[T any] struct{ name string }

// NewKey makes a key. The name is for logs and debuggers only.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name} }

// String is the key's name.
func (k *Key[T]) String() string { return k.name }

// Holder has values: a [Client] or a [Handshake].
type Holder interface{ Values() *Values }

// Get gives the value, and whether it is set.
func (k *Key[T]) Get(h Holder) (T, bool) {
	v, ok := h.Values().load(k)
	t, _ := v.(T)
	return t, ok
}

// Set stores v for the client's lifetime.
func (k *Key[T]) Set(h Holder, v T) { h.Values().store(k, v) }

// Delete removes the value.
func (k *Key[T]) Delete(h Holder) { h.Values().remove(k) }

// Values is the store behind [Key]. The zero value is empty and ready to use.
type Values struct {
	mu sync.RWMutex
	m  map[any]any
}

func (v *Values) load(k any) (any, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	x, ok := v.m[k]
	return x, ok
}

func (v *Values) store(k, x any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.m == nil {
		v.m = make(map[any]any, 2)
	}
	v.m[k] = x
}

// inherit takes over what is set in other and not in v.
func (v *Values) inherit(other *Values) {
	other.mu.RLock()
	defer other.mu.RUnlock()
	for k, x := range other.m {
		if _, ok := v.load(k); !ok {
			v.store(k, x)
		}
	}
}

func (v *Values) remove(k any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.m, k)
}
