package codec

import (
	"reflect"
	"unsafe"
)

// This file has all that is unsafe in the package. Plans address fields and elements by offset instead of reflect.Value.
// What makes it correct:
//
//   - A ptr is always derived from a pointer to a value of the node's type, by offsets that reflect has given for that type,
//     so it stays inside one allocation.
//   - Memory is allocated by reflect, with the type that it is used as, so that the collector knows its pointers.
//   - What is encoded is only read; what a method might change is a copy, see node.copied.
//   - Strings made without a copy are of bytes that are not changed any more.
//
// The race detector builds with checkptr, which holds the first: go test -race, or -gcflags=all=-d=checkptr.

const ptrSize = unsafe.Sizeof(ptr(nil))

// ptr points to a value whose type the node at hand knows.
type ptr = unsafe.Pointer

// sliceHeader is the memory of a slice.
type sliceHeader struct {
	data     ptr
	len, cap int
}

// emptyInterface is the memory of an any.
type emptyInterface struct {
	typ  ptr
	data ptr
}

// at returns the address of a field or element.
func at(p ptr, offset uintptr) ptr { return unsafe.Add(p, offset) }

// as returns the value of a node whose kind and size are those of T.
func as[T any](p ptr) *T { return (*T)(p) }

// valueAt returns the value at p.
func valueAt(t reflect.Type, p ptr) reflect.Value { return reflect.NewAt(t, p).Elem() }

// addressOf returns what v, a pointer, points to.
func addressOf(v reflect.Value) ptr { return v.UnsafePointer() }

// interfaceAt returns a pointer to the value at p, of type t, as an interface.
func interfaceAt(t reflect.Type, p ptr) any { return reflect.NewAt(t, p).Interface() }

// pointee returns what the pointer at p points to; nil for a nil pointer.
func pointee(p ptr) ptr { return *(*ptr)(p) }

// setPointee stores a pointer at p.
func setPointee(p, to ptr) { *(*ptr)(p) = to }

// unalias makes a string of bytes that are not changed as long as it is used.
func unalias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // see above

// header returns the memory of the slice at p.
func header(p ptr) *sliceHeader { return (*sliceHeader)(p) }

// setEmpty makes the slice at p empty, and not nil.
func setEmpty(p ptr) {
	if h := header(p); h.data == nil {
		h.data = ptr(&zeroSized)
	}
}

var zeroSized struct{}

// dataOf returns the address of the value in v, which must not be changed; if its type is not boxed, the value itself.
func dataOf(v any) ptr { return (*emptyInterface)(ptr(&v)).data }

// isBoxed reports whether an interface with a value of the type points to it, instead of holding it. Which types it holds depends
// on the version of Go; the zero values of these are nil pointers.
func isBoxed(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || dataOf(reflect.Zero(t).Interface()) != nil
}
