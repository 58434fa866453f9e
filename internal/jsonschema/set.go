package jsonschema

import (
	"reflect"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Use is what a schema describes.
type Use uint8

// The uses. Binary may be added to Received.
const (
	Sent     Use = 0 // what the codec writes
	Received Use = 1 // what it reads
	Binary   Use = 2 // a message with attachments: []byte are not text
)

// uses is how many values a Use has.
const uses = 4

// Problem is a type that has no schema. In its place is the schema of any value.
type Problem struct {
	// Field is where it is, in names of JSON: "items.price". A list and the values of a map have no name of their own.
	Field string
	Type  reflect.Type
	Text  string
}

// Options of a [Set].
type Options struct {
	// Prefix precedes the names of types in references: "#/$defs/".
	Prefix string
	// Known are the schemas of types that are not what their kind says.
	Known map[reflect.Type]Object
	// Reserved are names that no type may have.
	Reserved []string
	// Report is called for each problem once, at the first place where it is. It may be nil.
	Report func(Problem)
	// Describe returns the description of a type that has a name; empty for none. It may be nil.
	Describe func(reflect.Type) string
}

// Set has the schemas of types that refer to each other. It is not safe for concurrent use.
type Set struct {
	opts  Options
	defs  map[reflect.Type]*definition
	order []*definition // of first use
	path  []string      // of the field that is described
	found map[found]bool
}

type found struct {
	typ  reflect.Type
	text string
}

// definition is a type with a name. Its schema may depend on the use.
type definition struct {
	typ    reflect.Type
	refs   [uses]*Ref // nil for uses that do not occur
	base   string
	level  int // how many elements of its package's path its name has
	number int // of equal names in one package; 0 for the first
}

// Ref is the value of a $ref: a type in one of its uses.
type Ref struct {
	set  *Set
	def  *definition
	use  Use
	body Object
	rep  *Ref   // the ref with an equal body that is written, which may be this one
	name string // of rep
}

// NewSet returns an empty set.
func NewSet(opts Options) *Set {
	return &Set{opts: opts, defs: map[reflect.Type]*definition{}, found: map[found]bool{}}
}

// Of returns the schema of a type.
func (s *Set) Of(t reflect.Type, use Use) Object {
	return s.schema(t, use)
}

// Body returns the schema of a struct as the body of an HTTP request or response: without fields that are parameters. It
// is that of Of for other types.
func (s *Set) Body(t reflect.Type, use Use) Object {
	if t.Kind() != reflect.Struct || s.isKnown(t) || !hasParameters(t) {
		return s.Of(t, use)
	}
	return s.object(t, use, false)
}

// hasParameters reports whether fields of a struct have tags of HTTP parameters.
func hasParameters(t reflect.Type) bool {
	return slices.ContainsFunc(reflect.VisibleFields(t), isParameter)
}

// Within calls f, which calls Of, with problems at a field.
func (s *Set) Within(field string, f func()) {
	s.path = append(s.path, field)
	f()
	s.path = s.path[:len(s.path)-1]
}

// Finish decides which types have one schema for several uses, and how they are named. Of must not be called afterwards.
func (s *Set) Finish() {
	s.unite()
	s.nameAll()
}

// unite makes the refs of a type whose bodies are equal one. Types that refer to each other are equal unless something in them
// differs.
func (s *Set) unite() {
	differ := map[[2]*Ref]bool{}
	same := func(a, b *Ref) bool {
		return a == b || a.def == b.def && !differ[[2]*Ref{a, b}] && !differ[[2]*Ref{b, a}]
	}
	for changed := true; changed; {
		changed = false
		for _, d := range s.order {
			for i, a := range d.refs {
				for _, b := range d.refs[i+1:] {
					if a != nil && b != nil && same(a, b) && !Equal(a.body, b.body, same) {
						differ[[2]*Ref{a, b}], changed = true, true
					}
				}
			}
		}
	}
	for _, d := range s.order {
		for i, r := range d.refs {
			if r == nil {
				continue
			}
			r.rep = r
			for _, earlier := range d.refs[:i] {
				if earlier != nil && same(earlier, r) {
					r.rep = earlier
					break
				}
			}
		}
	}
}

// Definitions returns the types to which values refer, directly or by other types, by their names in alphabetical order.
func (s *Set) Definitions(values ...any) Object {
	seen := map[*Ref]bool{}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case Object:
			for _, m := range v {
				visit(m.Value)
			}
		case []any:
			for _, e := range v {
				visit(e)
			}
		case *Ref:
			if !seen[v.rep] {
				seen[v.rep] = true
				visit(v.rep.body)
			}
		}
	}
	visit(values)
	defs := Object{}
	for r := range seen {
		body := r.body
		if s.opts.Describe != nil && body.Get("description") == nil {
			if text := s.opts.Describe(r.def.typ); text != "" {
				body = append(M("description", text), body...)
			}
		}
		defs = append(defs, Member{r.name, body})
	}
	slices.SortFunc(defs, func(a, b Member) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return defs
}

// Resolve returns the schema to which a schema refers, or the schema itself.
func Resolve(o Object) Object {
	if r, ok := o.Get("$ref").(*Ref); ok && len(o) == 1 {
		return r.body
	}
	return o
}

// MarshalJSONTo writes the reference.
func (r *Ref) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(r.set.opts.Prefix + r.rep.name))
}
