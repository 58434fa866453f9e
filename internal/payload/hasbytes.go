package payload

import (
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
)

// HasBytes reports whether a value of the type may have a []byte in it, which is sent as an
// attachment. The search through values of other types is saved.
func HasBytes(t reflect.Type) bool {
	if t == nil { // of a nil any
		return false
	}
	if v, ok := holding.Load(t); ok {
		return v.(bool)
	}
	v := mayHaveBytes(t, map[reflect.Type]bool{})
	holding.Store(t, v)
	return v
}

// holding has the answers by type; their number is that of the program's types.
var holding sync.Map

var (
	bytesType     = reflect.TypeFor[[]byte]()
	marshalerType = reflect.TypeFor[json.MarshalerTo]()
)

func mayHaveBytes(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false // decided by a caller
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
		return mayHaveBytes(t.Elem(), seen)
	case reflect.Map:
		return mayHaveBytes(t.Key(), seen) || mayHaveBytes(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if mayHaveBytes(f.Type, seen) {
				return true
			}
		}
	}
	return false
}
