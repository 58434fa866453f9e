package codec

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
)

// op is what decodes or encodes a value.
type op uint8

const (
	opLibrary op = iota // the JSON library does it
	opJSON              // UnmarshalJSON does it
	opText              // UnmarshalText, AppendText or MarshalText does it
	opTime
	opBool
	opInt
	opUint
	opFloat
	opString
	opBytes
	opByteArray
	opSlice
	opArray
	opMap
	opStruct
	opPointer
	opAny
)

// node is the plan of one type. It is not changed after newNode.
type node struct {
	typ     reflect.Type
	size    uintptr
	bits    int // of numbers
	dec     op
	enc     op
	elem    *node   // of slices, arrays, maps and pointers
	count   int     // of arrays
	entries entries // of maps
	object  *object
	shape   *shape // of what the library decodes
	boxed   bool   // see isBoxed
	copied  bool   // must be copied before it is encoded: a method may change it
}

var (
	unmarshalerFrom = reflect.TypeFor[json.UnmarshalerFrom]()
	unmarshaler     = reflect.TypeFor[stdjson.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	marshalerTo     = reflect.TypeFor[json.MarshalerTo]()
	marshaler       = reflect.TypeFor[stdjson.Marshaler]()
	textAppender    = reflect.TypeFor[encoding.TextAppender]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	anyType         = reflect.TypeFor[any]()
	byteType        = reflect.TypeFor[byte]()
	numberType      = reflect.TypeFor[stdjson.Number]()
)

// builder makes the nodes of a type and of all that it contains.
type builder struct {
	nodes  map[reflect.Type]*node
	shapes map[reflect.Type]*shape
}

func newNode(t reflect.Type) *node {
	b := builder{map[reflect.Type]*node{}, map[reflect.Type]*shape{}}
	n := b.node(t)
	for _, n := range b.nodes {
		n.copied = n.changes(map[*node]bool{})
		if n.dec == opLibrary {
			n.shape = b.shape(n.typ)
		}
		if n.dec == opMap {
			n.entries = entriesOf(n.typ)
		}
	}
	n.shape = b.shape(t) // another codec may decode it
	return n
}

func (b *builder) node(t reflect.Type) *node {
	if n := b.nodes[t]; n != nil {
		return n
	}
	n := &node{typ: t, size: t.Size(), boxed: isBoxed(t)}
	b.nodes[t] = n
	n.dec, n.enc = decodeMethod(t), encodeMethod(t)
	if n.dec != 0 && n.enc != 0 || isOdd(t) {
		return n.withoutBase()
	}
	base := b.base(n)
	if n.dec == 0 {
		n.dec = base
	}
	if n.enc == 0 {
		n.enc = base
	}
	return n.withoutBase()
}

// byLibrary marks a method that the library calls, while a plan is made.
const byLibrary op = 255

// withoutBase replaces the mark.
func (n *node) withoutBase() *node {
	if n.dec == byLibrary {
		n.dec = opLibrary
	}
	if n.enc == byLibrary {
		n.enc = opLibrary
	}
	return n
}

// isOdd reports whether the library treats a type in its own way.
func isOdd(t reflect.Type) bool { return t == durationType || t == numberType }

// decodeMethod returns how the methods of a type decode it; 0 without one.
func decodeMethod(t reflect.Type) op {
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return 0 // the methods of what it points to are called
	case t == timeType:
		return opTime
	case has(t, unmarshalerFrom):
		return byLibrary
	case has(t, unmarshaler):
		return opJSON
	case has(t, textUnmarshaler):
		return opText
	}
	return 0
}

// encodeMethod returns how the methods of a type encode it; 0 without one.
func encodeMethod(t reflect.Type) op {
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return 0
	case t == timeType:
		return opText
	case has(t, marshalerTo), has(t, marshaler):
		return byLibrary
	case has(t, textAppender), has(t, textMarshaler):
		return opText
	}
	return 0
}

// has reports whether a type or a pointer to it has the methods of an interface.
func has(t, methods reflect.Type) bool {
	return t.Implements(methods) || reflect.PointerTo(t).Implements(methods)
}

// base returns how a type is decoded and encoded without methods.
func (b *builder) base(n *node) op {
	t := n.typ
	switch t.Kind() {
	case reflect.Bool:
		return opBool
	case reflect.String:
		return opString
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n.bits = t.Bits()
		return opInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		n.bits = t.Bits()
		return opUint
	case reflect.Float32, reflect.Float64:
		n.bits = t.Bits()
		return opFloat
	case reflect.Slice:
		if t.Elem() == byteType {
			return opBytes
		}
		n.elem = b.node(t.Elem())
		return opSlice
	case reflect.Array:
		n.count = t.Len()
		if t.Elem() == byteType {
			return opByteArray
		}
		n.elem = b.node(t.Elem())
		return opArray
	case reflect.Map:
		if k := t.Key(); k.Kind() != reflect.String || decodeMethod(k) != 0 || encodeMethod(k) != 0 || isOdd(k) {
			return byLibrary
		}
		n.elem = b.node(t.Elem())
		return opMap
	case reflect.Pointer:
		n.elem = b.node(t.Elem())
		return opPointer
	case reflect.Interface:
		if t == anyType {
			return opAny
		}
		return byLibrary
	case reflect.Struct:
		if n.object = b.object(t); n.object != nil {
			return opStruct
		}
	}
	return byLibrary
}

// changes reports whether methods that are called to encode a value may change it, because they have a pointer to it.
func (n *node) changes(seen map[*node]bool) bool {
	if seen[n] {
		return false
	}
	seen[n] = true
	switch n.enc {
	case opLibrary:
		return true
	case opText:
		return !n.typ.Implements(textAppender) && !n.typ.Implements(textMarshaler)
	case opArray:
		return n.elem.changes(seen)
	case opStruct:
		for i := range n.object.fields {
			f := &n.object.fields[i]
			if f.zero == zeroByMethod || len(f.hops) == 0 && f.node.changes(seen) {
				return true
			}
		}
	}
	return false
}
