package pipeline

import "slices"

// Key names metadata of type T that handlers, gateways and controllers carry for
// guards and interceptors to read. Make one in a package variable; identity is the
// pointer.
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

// NewKey makes a key. The name is for people.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name} }

// String is the key's name.
func (k *Key[T]) String() string { return k.name }

// With is the metadata v, to be given to Meta of packages websockets and web.
func (k *Key[T]) With(v T) Meta { return Meta{k, v} }

// Of gives the metadata of the call's handler, or else of its gateway or controller.
func (k *Key[T]) Of(c *Call) (T, bool) {
	if v, ok := k.in(c.Handler); ok {
		return v, true
	}
	return k.in(c.Owner)
}

// All gives the metadata of the gateway or controller and of the handler, as many
// as there are, for those that add up:
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

func (k *Key[T]) in(m Metadata) (T, bool) {
	for _, x := range slices.Backward(m) { // the last one given holds
		if x.key == any(k) {
			v, _ := x.value.(T)
			return v, true
		}
	}
	var zero T
	return zero, false
}

// Meta is one value of metadata under its key.
type Meta struct{ key, value any }

// Metadata is what a handler, gateway or controller carries. Nobody changes it.
type Metadata []Meta

// Join gives both, that of other over that of m.
func (m Metadata) Join(other ...Meta) Metadata { return slices.Concat(m, other) }
