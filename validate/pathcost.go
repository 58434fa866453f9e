package validate

import (
	"reflect"
	"strings"
)

// The library stores the whole path of each violation, twice. A client that chooses map
// keys or the depth of nesting could make it allocate gigabytes for a small payload.
// The bytes of all paths beyond shortPath each are limited to maxExcess in total.
const (
	shortPath = 256
	maxExcess = 16 << 20
)

// unboundedPaths reports whether the payload decides how long paths in values of t are.
func (p *Pipe) unboundedPaths(t reflect.Type, above map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		if above[t] {
			return true
		}
		above[t] = true
		defer delete(above, t)
		return p.unboundedPaths(t.Elem(), above)
	case reflect.Map, reflect.Interface:
		return true
	case reflect.Struct:
		if above[t] {
			return true
		}
		above[t] = true
		defer delete(above, t)
		for f := range t.Fields() {
			if p.traverses(f) && p.unboundedPaths(f.Type, above) {
				return true
			}
		}
	default:
	}
	return false
}

// traverses reports whether the library may descend into the field's value.
func (p *Pipe) traverses(f reflect.StructField) bool {
	if !f.IsExported() && !f.Anonymous && !p.customEngine {
		return false
	}
	t := indirect(f.Type)
	switch t.Kind() {
	case reflect.Struct:
		return !isTime(t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return true
		}
		fallthrough // an any holds decoded lists and maps
	case reflect.Slice, reflect.Array, reflect.Map:
		return p.customEngine || strings.Contains(f.Tag.Get("validate"), "dive")
	default:
		return false
	}
}

// pathCost sums up the bytes of paths beyond shortPath.
type pathCost struct {
	pipe   *Pipe
	excess int
}

// add adds the cost of v, whose path has n bytes, and of all its elements.
func (s *pathCost) add(v reflect.Value, n int) {
	s.excess += max(0, n-shortPath)
	if s.excess > maxExcess {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			s.add(v.Elem(), n)
		}
	case reflect.Struct:
		if isTime(v.Type()) {
			return
		}
		t := v.Type()
		for i := range v.NumField() {
			f := t.Field(i)
			if s.pipe.traverses(f) {
				s.add(v.Field(i), n+1+len(f.Name))
			} else {
				s.excess += max(0, n+1+len(f.Name)-shortPath)
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && n < shortPath {
			return // bytes: their paths stay short
		}
		for i := 0; i < v.Len() && s.excess <= maxExcess; i++ {
			s.add(v.Index(i), n+len("[0000]"))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next() && s.excess <= maxExcess; {
			k := len("[0000]")
			if it.Key().Kind() == reflect.String {
				k = len("[]") + it.Key().Len()
			}
			s.add(it.Value(), n+k)
		}
	default:
	}
}
