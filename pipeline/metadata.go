package pipeline

import "slices"

// Key identifies metadata of type T on handlers, gateways and controllers, which
// guards and interceptors read. Create one per kind of metadata, in a package variable;
// keys are compared by pointer.
//
//	var Roles = pipeline.NewKey[[]string]("roles")
//
//	websockets.On("delete", g.Delete, websockets.Meta(Roles.With([]string{"admin"})))
//
//	func (g *RoleGuard) Check(_ context.Context, c *pipeline.Call) error {
//		roles, ok := Roles.Of(c)
//		…
//	}
type Key[T any] struct{ name string }

// NewKey returns a key. The name is for logs and debuggers only.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name} }

// String returns the key's name.
func (k *Key[T]) String() string { return k.name }

// With returns v as metadata, for websockets.Meta and web.Meta.
func (k *Key[T]) With(v T) Meta { return Meta{k, v} }

// Of returns the metadata of the call's handler, or that of its gateway or controller
// if the handler has none.
func (k *Key[T]) Of(c *Call) (T, bool) {
	if v, ok := k.in(c.Handler); ok {
		return v, true
	}
	return k.in(c.Owner)
}

// All returns the metadata of the gateway or controller, followed by that of the
// handler, for metadata that adds up:
//
//	slices.Concat(Roles.All(c)...)
func (k *Key[T]) All(c *Call) []T {
	var all []T
	for _, m := range []Metadata{c.Owner, c.Handler} {
		if v, ok := k.in(m); ok {
			all = append(all, v)
		}
	}
	return all
}

func (k *Key[T]) in(m Metadata) (v T, ok bool) {
	for _, x := range slices.Backward(m) { // the last one wins
		if x.key == any(k) {
			v, _ = x.value.(T)
			return v, true
		}
	}
	return v, false
}

var hidden = NewKey[bool]("hidden")

// Hidden returns metadata that leaves a handler or a route out of the documents of package contract, and a gateway of which all
// handlers have it. It is for what only tools use; it does not protect anything.
func Hidden() Meta { return hidden.With(true) }

// Hidden reports whether the metadata has [Hidden].
func (m Metadata) Hidden() bool {
	is, _ := hidden.in(m)
	return is
}

// Meta is one metadata value with its key.
type Meta struct{ key, value any }

// Metadata is the metadata of a handler, gateway or controller. It is immutable.
type Metadata []Meta

// Join returns m followed by other; values of other win over those of m.
func (m Metadata) Join(other ...Meta) Metadata { return slices.Concat(m, other) }
