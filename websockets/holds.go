package websockets

import (
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
)

// holdsBytes reports whether a value of the type may have a []byte in it, which
// travels as an attachment. Most types cannot, and are spared the search.
func holdsBytes(t reflect.Type) bool {
	if t == nil { // of a nil any
		return false
	}
	if v, ok := holding.Load(t); ok {
		return v.(bool)
	}
	v := mayHold(t, map[reflect.Type]bool{})
	holding.Store(t, v)
	return v
}

// holding remembers by type; there are as many as the program has.
var holding sync.Map

var (
	bytesType     = reflect.TypeFor[[]byte]()
	marshalerType = reflect.TypeFor[json.MarshalerTo]()
)

func mayHold(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false // decided further up
	}
	seen[t] = true
	switch {
	case t == bytesType, t.Implements(marshalerType), reflect.PointerTo(t).Implements(marshalerType):
		return true
	}
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return mayHold(t.Elem(), seen)
	case reflect.Map:
		return mayHold(t.Key(), seen) || mayHold(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if mayHold(f.Type, seen) {
				return true
			}
		}
	}
	return false
}
