package module

import (
	"fmt"
	"reflect"
	"sync/atomic"
)

// Lazy is a parameter type for a T that may be built later, so that two constructors can
// refer to each other:
//
//	func NewRooms(users module.Lazy[*Users]) *Rooms { return &Rooms{users: users} }
//
//	func (r *Rooms) OnModuleInit(ctx context.Context) error {
//		r.users.Get().Subscribe(r)
//		return nil
//	}
//
// It is resolved like a parameter of type T, but T need not be built first. Call Get after
// construction, in lifecycle hooks and handlers: in a constructor it makes the start fail
// with an error that names both constructors. A Lazy is safe for concurrent use.
type Lazy[T any] struct {
	h *handle
}

// handle is the untyped part of a Lazy.
type handle struct {
	slot *slot
	err  *LazyError
}

// LazyOf returns a Lazy of v, for constructor calls in unit tests.
func LazyOf[T any](v T) Lazy[T] {
	s := &slot{}
	s.set(reflect.ValueOf(&v).Elem())
	return Lazy[T]{&handle{slot: s}}
}

// Get returns the T. Before T is built it panics with a *[LazyError]; in a constructor
// this becomes an error of the start. Use [Lazy.Lookup] if T may not be built yet.
func (l Lazy[T]) Get() T {
	v, err := l.Lookup()
	if err != nil {
		panic(err) //nolint:forbidigo // documented; Lookup is the form that returns it
	}
	return v
}

// Lookup returns the T. It returns a *[LazyError] if T is not built yet, if nothing
// provides it (an optional field), or if the Lazy is a zero value.
func (l Lazy[T]) Lookup() (T, error) {
	var zero T
	if l.h == nil {
		return zero, &LazyError{Type: reflect.TypeFor[T]()}
	}
	v, ok := l.h.slot.get()
	if !ok {
		return zero, l.h.err
	}
	t, _ := reflect.TypeAssert[T](v) // a nil interface is a legal value
	return t, nil
}

func (Lazy[T]) lazyType() reflect.Type { return reflect.TypeFor[T]() }

func (Lazy[T]) bind(h *handle) reflect.Value { return reflect.ValueOf(Lazy[T]{h}) }

// lazyParam is implemented by all Lazy types.
type lazyParam interface {
	lazyType() reflect.Type
	bind(*handle) reflect.Value
}

// LazyError is the error of a [Lazy] without a value.
type LazyError struct {
	Type        reflect.Type // the T of Lazy[T]
	Constructor string       // the constructor of T; empty if there is none
	Place       string       // of the constructor
	Module      *Module      // of the constructor
}

func (e *LazyError) Error() string {
	if e.Constructor == "" {
		return fmt.Sprintf("module.Lazy[%v] is empty: nothing provides %[1]v here; "+
			"check with Lookup, or make one with module.LazyOf", e.Type)
	}
	return fmt.Sprintf("module.Lazy[%v]: %s (%s) of module %s has not run yet; "+
		"call Get after construction, for example in OnModuleInit",
		e.Type, e.Constructor, e.Place, e.Module.name)
}

// slot holds one result. It is written once, during construction, and may be read
// concurrently through a Lazy.
type slot struct {
	v     reflect.Value
	ready atomic.Bool
}

func (s *slot) set(v reflect.Value) {
	s.v = v
	s.ready.Store(true)
}

func (s *slot) get() (reflect.Value, bool) {
	if !s.ready.Load() {
		return reflect.Value{}, false
	}
	return s.v, true
}
