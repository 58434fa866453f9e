package validate

import (
	"reflect"
	"strings"
)

// The library writes down the whole path of whatever breaks a rule, twice. Clients
// that choose keys of maps, or how deep something goes, could make it write gigabytes
// for a small payload. What a path has above shortPath bytes is added up over all
// elements, and may be maxExcess.
const (
	shortPath = 256
	maxExcess = 16 << 20
)

// winding reports whether the payload decides how long the paths in values of t are.
func (p *Pipe) winding(t reflect.Type, above map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		if above[t] {
			return true
		}
		above[t] = true
		defer delete(above, t)
		return p.winding(t.Elem(), above)
	case reflect.Map, reflect.Interface:
		return true
	case reflect.Struct:
		if above[t] {
			return true
		}
		above[t] = true
		defer delete(above, t)
		for f := range t.Fields() {
			if p.enters(f) && p.winding(f.Type, above) {
				return true
			}
		}
	default:
	}
	return false
}

// enters reports whether the library may look into the field's value.
func (p *Pipe) enters(f reflect.StructField) bool {
	if !f.IsExported() && !f.Anonymous && !p.foreign {
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
		fallthrough // what has been decoded into an any are lists and maps
	case reflect.Slice, reflect.Array, reflect.Map:
		return p.foreign || strings.Contains(f.Tag.Get("validate"), "dive")
	default:
		return false
	}
}

// scale adds up what paths are too long by.
type scale struct {
	pipe   *Pipe
	excess int
}

// weigh adds what is at v, whose path has n bytes, and all that is in it.
func (s *scale) weigh(v reflect.Value, n int) {
	s.excess += max(0, n-shortPath)
	if s.excess > maxExcess {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			s.weigh(v.Elem(), n)
		}
	case reflect.Struct:
		if isTime(v.Type()) {
			return
		}
		t := v.Type()
		for i := range v.NumField() {
			f := t.Field(i)
			if s.pipe.enters(f) {
				s.weigh(v.Field(i), n+1+len(f.Name))
			} else {
				s.excess += max(0, n+1+len(f.Name)-shortPath)
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && n < shortPath {
			return // bytes, that nobody looks at one by one
		}
		for i := 0; i < v.Len() && s.excess <= maxExcess; i++ {
			s.weigh(v.Index(i), n+len("[0000]"))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next() && s.excess <= maxExcess; {
			k := len("[0000]")
			if it.Key().Kind() == reflect.String {
				k = len("[]") + it.Key().Len()
			}
			s.weigh(it.Value(), n+k)
		}
	default:
	}
}
