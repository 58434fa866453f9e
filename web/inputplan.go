package web

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// Tags of fields that are not part of the body.
const (
	fromPath   = "path"
	fromQuery  = "query"
	fromHeader = "header"
)

// removedHeaders are not in the Header of a request: net/http has fields for them.
var removedHeaders = []string{"Host", "Trailer", "Transfer-Encoding"}

// inputPlan describes how a request is decoded into an In.
type inputPlan struct {
	params   []param
	query    bool // there are query parameters
	body     bool
	bodyName string       // a field of the body, for messages
	bodyType reflect.Type // In without the parameters; nil if there are none
	decoder  *codec.Decoder
	forms    []string // what JSON cannot hold
}

type param struct {
	source, name string
	index        []int
	set          setter
}

// newInputPlan returns the plan of a type, and the problems of the type.
func newInputPlan(t reflect.Type) (*inputPlan, []string) {
	p, problems := findInputs(t)
	if p.bodyType != nil {
		t = p.bodyType
	}
	if p.body && len(problems) == 0 {
		p.decoder, _ = codec.DecoderOf(t) // its problems are found already
	}
	return p, problems
}

// findInputs returns the plan without its decoder.
func findInputs(t reflect.Type) (*inputPlan, []string) {
	p := &inputPlan{}
	if t.Kind() != reflect.Struct {
		p.body, p.bodyName = true, "the whole value"
		var problems []string
		if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
			if inner, _ := findInputs(t.Elem()); len(inner.params) > 0 {
				problems = append(problems, fmt.Sprintf("%v: the tags path, query and header need a struct, not a pointer: remove the *", t))
			}
		}
		if bad := codec.Problem(t, false); bad != "" {
			p.forms = append(p.forms, fmt.Sprintf("%v: %s", t, bad))
		}
		return p, problems
	}
	s := &planBuilder{inputPlan: p, seen: map[string]string{}}
	bodyType := s.fields(t, nil)
	switch {
	case len(p.params) == 0:
		if bad := codec.Problem(t, false); bad != "" && !s.undecodable {
			p.forms = append(p.forms, fmt.Sprintf("%v: %s", t, bad))
		}
		if !p.body && codec.HasUnmarshaler(t) { // such as time.Time
			p.body, p.bodyName = true, "the whole value"
		}
	case codec.HasUnmarshaler(t):
		s.problemf("%v has its own JSON decoding and cannot have fields with the tags path, query and header: move them to another struct", t)
	case len(s.problems) == 0:
		p.bodyType = s.build(t, bodyType)
	}
	return p, s.problems
}

type planBuilder struct {
	*inputPlan

	seen        map[string]string // parameter → field
	problems    []string
	undecodable bool // problems has a field of the body that cannot be decoded
}

func (s *planBuilder) problemf(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// fields collects the parameters of a struct and returns its fields for the body type.
func (s *planBuilder) fields(t reflect.Type, at []int) []reflect.StructField {
	var out []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("json") == "" && !codec.HasUnmarshaler(f.Type) {
			out = append(out, s.embedded(t, f, index))
			continue
		}
		source, name := s.tag(t, f)
		if source == "" {
			if f.IsExported() && f.Tag.Get("json") != "-" && !f.Anonymous || f.Anonymous && f.IsExported() {
				s.body, s.bodyName = true, "the field "+f.Name
				if bad := codec.FieldProblem(f, false); bad != "" {
					s.forms = append(s.forms, fmt.Sprintf("%v: the field %s: %s", t, f.Name, bad))
					s.undecodable = true
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
			s.problemf("%v: the field %s has the tag %s but is not exported: export it", t, f.Name, source)
		case set == nil:
			s.problemf("%v: the field %s has type %v, which the tag %s does not support", t, f.Name, f.Type, source)
		case s.seen[key] != "":
			s.problemf("%v: the fields %s and %s both have %s:%q: remove one", t, s.seen[key], f.Name, source, name)
		default:
			s.seen[key] = f.Name
			s.query = s.query || source == fromQuery
			s.params = append(s.params, param{source, name, index, set})
		}
	}
	return out
}

// embedded handles an embedded struct, whose fields are promoted.
func (s *planBuilder) embedded(t reflect.Type, f reflect.StructField, index []int) reflect.StructField {
	params, body := len(s.params), s.body
	s.body = false
	s.fields(f.Type, index)
	ownBody := s.body
	s.body = s.body || body
	if len(s.params) == params {
		// An inlined field instead: reflect cannot create structs that embed methods.
		f.Anonymous, f.Tag = false, `json:",inline,embed"` // inline before Go 1.27, embed since
		if !f.IsExported() {
			f.Tag = ""
			if ownBody {
				s.problemf("%v: %s is embedded but not exported: export it, or move its fields", t, f.Name)
			}
		}
		return f
	}
	if ownBody {
		s.problemf("%v: the embedded struct %s has both fields with the tags path, query or header and fields of the body: split it", t, f.Name)
	}
	f.Anonymous, f.Tag = false, `json:"-"`
	return f
}

// tag returns the parameter of a field; source is "" for a field of the body.
func (s *planBuilder) tag(t reflect.Type, f reflect.StructField) (source, name string) {
	for _, src := range []string{fromPath, fromQuery, fromHeader} {
		n, ok := f.Tag.Lookup(src)
		switch {
		case !ok || n == "-":
		case source != "":
			s.problemf("%v: the field %s has the tags %s and %s: remove one", t, f.Name, source, src)
		case n == "" || strings.ContainsAny(n, ", "):
			s.problemf("%v: the field %s: the tag %s:%q must be a plain name", t, f.Name, src, n)
			return src, n
		case src == fromHeader && !rfc6455.IsToken(n):
			s.problemf("%v: the field %s: the tag header:%q is not the name of a header", t, f.Name, n)
			return src, n
		case src == fromHeader && slices.Contains(removedHeaders, http.CanonicalHeaderKey(n)):
			s.problemf("%v: the field %s: the tag header:%q is always empty, because net/http keeps it elsewhere in the request: use web.Handle instead of web.JSON", t, f.Name, n)
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

// build creates the struct type that the body is decoded into: it has the same memory layout
// as t, and its parameters are hidden from JSON. The layout is checked here, so that read may
// convert a *t to a pointer to it with unsafe.
func (s *planBuilder) build(t reflect.Type, fields []reflect.StructField) (bodyType reflect.Type) {
	defer func() {
		if v := recover(); v != nil { // reflect.StructOf panics for unsupported fields
			s.problemf("%v: the tags path, query and header cannot be combined with its other fields (%v): split the struct", t, v)
			bodyType = nil
		}
	}()
	for i := range fields {
		fields[i].Index, fields[i].Offset = nil, 0
		if fields[i].PkgPath != "" && fields[i].Anonymous {
			fields[i].Anonymous = false
		}
	}
	bodyType = reflect.StructOf(fields)
	same := bodyType.Size() == t.Size()
	for i := range fields {
		same = same && bodyType.Field(i).Offset == t.Field(i).Offset
	}
	if !same {
		s.problemf("%v: the tags path, query and header cannot be combined with its other fields: split the struct", t)
		return nil
	}
	if err := json.Unmarshal([]byte("{}"), reflect.New(bodyType).Interface()); err != nil && s.body {
		s.problemf("%v cannot be decoded: %v", t, err)
	}
	return bodyType
}
