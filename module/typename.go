package module

import (
	"reflect"
	"strconv"
)

// typeNames records which short type names, such as *db.DB, belong to several types of the
// graph.
type typeNames struct {
	first     map[string]reflect.Type
	ambiguous map[string]bool
}

func (r *resolver) typeNames() *typeNames {
	if r.names != nil {
		return r.names
	}
	r.names = &typeNames{map[string]reflect.Type{}, map[string]bool{}}
	for _, n := range r.nodes {
		for _, res := range n.results {
			r.names.add(res.out.t)
			for _, k := range res.keys {
				r.names.add(k.t)
			}
		}
		for _, nd := range n.needs {
			if nd.group == nil {
				r.names.add(nd.key.t)
			}
		}
	}
	return r.names
}

func (n *typeNames) add(t reflect.Type) {
	for {
		s := t.String()
		if first, ok := n.first[s]; !ok {
			n.first[s] = t
		} else if first != t {
			n.ambiguous[s] = true
		}
		// If *db.DB is ambiguous, so is db.DB.
		if t.Name() != "" || t.Kind() != reflect.Pointer {
			return
		}
		t = t.Elem()
	}
}

// typeName formats a type as in Go source, with import paths if the short name is
// ambiguous.
func (r *resolver) typeName(t reflect.Type) string {
	if r.typeNames().ambiguous[t.String()] {
		return fullName(t)
	}
	return t.String()
}

func fullName(t reflect.Type) string {
	if t.Name() != "" {
		if t.PkgPath() == "" {
			return t.Name()
		}
		return t.PkgPath() + "." + t.Name()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + fullName(t.Elem())
	case reflect.Slice:
		return "[]" + fullName(t.Elem())
	case reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + fullName(t.Elem())
	case reflect.Map:
		return "map[" + fullName(t.Key()) + "]" + fullName(t.Elem())
	case reflect.Chan:
		if t.ChanDir() == reflect.BothDir {
			return "chan " + fullName(t.Elem())
		}
	}
	return t.String()
}

func (r *resolver) keyName(k key) string {
	if k.name == "" {
		return r.typeName(k.t)
	}
	return r.typeName(k.t) + " named " + strconv.Quote(k.name)
}
