package codec

import "reflect"

// Method is what encodes or decodes the values of a type.
type Method uint8

// The methods.
const (
	ByKind Method = iota // the kind of the type decides
	ByTime               // as a time.Time: RFC 3339
	ByText               // MarshalText, AppendText or UnmarshalText: a string
	ByJSON               // MarshalJSON, UnmarshalJSON and their like: any JSON
)

// MethodOf returns what encodes (sent) or decodes the values of a type. For pointers it is ByKind:
// the methods of what they point to are called.
func MethodOf(t reflect.Type, sent bool) Method {
	op := decodeMethod(t)
	if sent {
		op = encodeMethod(t)
	}
	switch {
	case op == 0:
		return ByKind
	case t == timeType:
		return ByTime
	case op == opText:
		return ByText
	}
	return ByJSON
}

// StructProblem returns why the library refuses a struct whatever the types of its fields are, such as for a wrong
// tag; "" if it does not, or if a method encodes (sent) or decodes the struct.
func StructProblem(t reflect.Type, sent bool) string { return structProblem(t, sent) }

// ExposesPointers reports whether a method, or another library, gets a pointer to a value of the type, or into it, when it is
// decoded or encoded: it may keep the pointer.
func ExposesPointers(t reflect.Type) bool {
	n := planOf(t).node
	return n.exposes(map[*node]bool{})
}

func (n *node) exposes(seen map[*node]bool) bool {
	if seen[n] {
		return false
	}
	seen[n] = true
	switch n.dec {
	case opLibrary, opJSON, opText:
		return true
	}
	switch n.enc {
	case opLibrary:
		return true
	case opText:
		return n.typ != timeType
	case opArray:
		return n.elem.exposes(seen)
	case opStruct:
		for i := range n.object.fields {
			f := &n.object.fields[i]
			if f.zero == zeroByMethod || len(f.hops) == 0 && f.node.exposes(seen) {
				return true
			}
		}
	}
	return false
}
