package module

import (
	"fmt"
	"reflect"
	"sync/atomic"
)

// Lazy is a parameter type that stands for a T built later; it lets two
// constructors refer to each other:
//
//	func NewRooms(users module.Lazy[*Users]) *Rooms { return &Rooms{users: users} }
//
//	func (r *Rooms) OnModuleInit(ctx context.Context) error {
//		r.users.Get().Subscribe(r)
//		return nil
//	}
//
// It asks for T as a parameter of type T would, but does not make T come first.
// Get is for the time after construction: lifecycle hooks, handlers. In a
// constructor it fails the start of the application with an error that names
// both sides. A Lazy is safe for use by several goroutines.
type Lazy[T any] struct {
	h *handle
}

// handle is the untyped part of a Lazy.
type handle struct {
	slot *slot
	err  *LazyError
}

// LazyOf returns a Lazy that holds v, for calling a constructor in a unit test.
func LazyOf[T any](v T) Lazy[T] {
	s := &slot{}
	s.set(reflect.ValueOf(&v).Elem())
	return Lazy[T]{&handle{slot: s}}
}

// Get returns the T. Before T is built it panics with a *[LazyError]; inside a
// constructor that becomes an ordinary error of the application's start. Where
// the time is not certain, use [Lazy.Lookup].
func (l Lazy[T]) Get() T {
	v, err := l.Lookup()
	if err != nil {
		panic(err) //nolint:forbidigo // documented; Lookup is the form that returns it
	}
	return v
}

// Lookup returns the T, or a *[LazyError] when it is not built yet, when nothing
// provides it (an optional field), or when the Lazy is a zero value.
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

// lazyParam is what the resolver knows a Lazy parameter by.
type lazyParam interface {
	lazyType() reflect.Type
	bind(*handle) reflect.Value
}

// LazyError says why a [Lazy] has no value.
type LazyError struct {
	Type        reflect.Type // the T of Lazy[T]
	Constructor string       // that builds it; empty when nothing does
	Place       string       // of that constructor
	Module      *Module      // of that constructor
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

// slot holds one result. It is written once, while fx builds, and may be read at
// the same time through a Lazy.
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
