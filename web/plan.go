package web

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// The tags of fields that are not of the body.
const (
	fromPath   = "path"
	fromQuery  = "query"
	fromHeader = "header"
)

// plan is how a request becomes an In.
type plan struct {
	params   []param
	query    bool // some are
	body     bool
	bodyName string       // a field of it, or "no fields", for messages
	shadow   reflect.Type // In without the parameters; nil when there are none
}

type param struct {
	source, name string
	index        []int
	set          func(reflect.Value, []string) string
}

// planOf gives the plan of a type, with what is wrong about it.
func planOf(t reflect.Type) (*plan, []string) {
	p := &plan{}
	if t.Kind() != reflect.Struct {
		p.body, p.bodyName = true, "a whole value"
		var problems []string
		if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
			if inner, _ := planOf(t.Elem()); len(inner.params) > 0 {
				problems = append(problems, fmt.Sprintf("%v: tags path, query and header need the struct itself, not a pointer", t))
			}
		}
		if bad := unfit(t, false); bad != "" {
			problems = append(problems, fmt.Sprintf("%v: %s", t, bad))
		}
		return p, problems
	}
	s := &scan{plan: p, seen: map[string]string{}}
	shadow := s.fields(t, nil)
	switch {
	case len(p.params) == 0:
		if bad := unfit(t, false); bad != "" {
			s.problemf("%v: %s", t, bad)
		}
		if !p.body && decodesItself(t) { // such as time.Time
			p.body, p.bodyName = true, "a whole value"
		}
	case decodesItself(t):
		s.problemf("%v decodes itself, which tags path, query and header cannot be part of; give it a field in another struct", t)
	case len(s.problems) == 0:
		p.shadow = s.build(t, shadow)
	}
	return p, s.problems
}

type scan struct {
	*plan

	seen     map[string]string // parameter → field
	problems []string
}

func (s *scan) problemf(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// fields finds the parameters of a struct, and gives its fields as they are for the body.
func (s *scan) fields(t reflect.Type, at []int) []reflect.StructField {
	var out []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("json") == "" && !decodesItself(f.Type) {
			out = append(out, s.embedded(t, f, index))
			continue
		}
		source, name := s.tag(t, f)
		if source == "" {
			if f.IsExported() && f.Tag.Get("json") != "-" && !f.Anonymous || f.Anonymous && f.IsExported() {
				s.body, s.bodyName = true, "the field "+f.Name
				if bad := unfitField(f, false); bad != "" {
					s.problemf("%v: the field %s: %s", t, f.Name, bad)
				}
			}
			out = append(out, f)
			continue
		}
		f.Tag = `json:"-"`
		out = append(out, f)
		set := setterOf(f.Type, source)
		switch key := source + " " + name; {
		case !f.IsExported():
			s.problemf("%v: the field %s has the tag %s, but is not exported", t, f.Name, source)
		case set == nil:
			s.problemf("%v: the field %s is a %v, which the tag %s cannot fill", t, f.Name, f.Type, source)
		case s.seen[key] != "":
			s.problemf("%v: the fields %s and %s both have %s:%q", t, s.seen[key], f.Name, source, name)
		default:
			s.seen[key] = f.Name
			s.query = s.query || source == fromQuery
			s.params = append(s.params, param{source, name, index, set})
		}
	}
	return out
}

// embedded handles a struct whose fields are those of the one around it.
func (s *scan) embedded(t reflect.Type, f reflect.StructField, index []int) reflect.StructField {
	params, body := len(s.params), s.body
	s.body = false
	s.fields(f.Type, index)
	mine := s.body
	s.body = s.body || body
	if len(s.params) == params {
		// A field of the same meaning, as reflect makes no structs that embed methods.
		f.Anonymous, f.Tag = false, `json:",inline,embed"` // the word before Go 1.27, and since
		if !f.IsExported() {
			f.Tag = ""
			if mine {
				s.problemf("%v: %s is embedded, but not exported; export it, or move its fields", t, f.Name)
			}
		}
		return f
	}
	if mine {
		s.problemf("%v: %s, which is embedded, has fields with the tags path, query or header and fields of the body; have a struct of each", t, f.Name)
	}
	f.Anonymous, f.Tag = false, `json:"-"`
	return f
}

// tag gives where a field comes from; "" when that is the body.
func (s *scan) tag(t reflect.Type, f reflect.StructField) (source, name string) {
	for _, src := range []string{fromPath, fromQuery, fromHeader} {
		n, ok := f.Tag.Lookup(src)
		switch {
		case !ok || n == "-":
		case source != "":
			s.problemf("%v: the field %s has the tags %s and %s; keep one", t, f.Name, source, src)
		case n == "" || strings.ContainsAny(n, ", "):
			s.problemf("%v: the field %s: the tag %s:%q must be a name, and nothing else", t, f.Name, src, n)
			return src, n
		default:
			source, name = src, n
			if src == fromHeader {
				name = http.CanonicalHeaderKey(n)
			}
		}
	}
	return source, name
}

// build makes the struct that the body is decoded into: the same in memory, with the
// parameters hidden from JSON.
func (s *scan) build(t reflect.Type, fields []reflect.StructField) (shadow reflect.Type) {
	defer func() {
		if v := recover(); v != nil { // reflect tells of what it cannot make no other way
			s.problemf("%v: tags path, query and header cannot be combined with its other fields (%v); have a struct of each", t, v)
			shadow = nil
		}
	}()
	for i := range fields {
		fields[i].Index, fields[i].Offset = nil, 0
		if fields[i].PkgPath != "" && fields[i].Anonymous {
			fields[i].Anonymous = false
		}
	}
	shadow = reflect.StructOf(fields)
	same := shadow.Size() == t.Size()
	for i := range fields {
		same = same && shadow.Field(i).Offset == t.Field(i).Offset
	}
	if !same {
		s.problemf("%v: tags path, query and header cannot be combined with its other fields; have a struct of each", t)
		return nil
	}
	if err := json.Unmarshal([]byte("{}"), reflect.New(shadow).Interface()); err != nil && s.body {
		s.problemf("%v does not decode: %v", t, err)
	}
	return shadow
}
