package jsonschema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/codec"
)

// known are types whose methods for JSON write and read a form of their own.
var known = map[reflect.Type]Object{
	reflect.TypeFor[json.RawMessage](): {},
	reflect.TypeFor[jsontext.Value]():  {},
	reflect.TypeFor[big.Int]():         M("type", "integer"),
}

var byteType = reflect.TypeFor[byte]()

func (s *Set) isKnown(t reflect.Type) bool {
	_, isKnown := s.opts.Known[t]
	return isKnown || known[t] != nil
}

// schema returns the schema of a type: a reference for types with a name and an inside.
func (s *Set) schema(t reflect.Type, use Use) Object {
	if o, ok := s.opts.Known[t]; ok {
		return o
	}
	if o, ok := known[t]; ok {
		return o
	}
	own := hasOwnSchema(t)
	if t.Kind() == reflect.Pointer && !own {
		if t.Name() != "" {
			return s.problem(t, "a pointer type with a name may point to itself: use a struct")
		}
		return nullable(s.schema(t.Elem(), use))
	}
	if t.Name() != "" && (own || isComposite(t, use)) {
		return M("$ref", s.ref(t, use))
	}
	return s.inline(t, use)
}

// isComposite reports whether a type's schema has those of other types in it.
func isComposite(t reflect.Type, use Use) bool {
	if codec.MethodOf(t, use&Received == 0) != codec.ByKind {
		return false
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return true
	case reflect.Slice, reflect.Array:
		return t.Elem() != byteType
	}
	return false
}

// ref returns the reference to a type, whose schema is made once.
func (s *Set) ref(t reflect.Type, use Use) *Ref {
	d := s.defs[t]
	if d == nil {
		d = &definition{typ: t, base: baseName(t)}
		s.defs[t] = d
		s.order = append(s.order, d)
	}
	if d.refs[use] == nil {
		r := &Ref{set: s, def: d, use: use}
		d.refs[use] = r
		r.body = s.inline(t, use)
	}
	return d.refs[use]
}

// inline returns the schema of a type without a reference to itself.
func (s *Set) inline(t reflect.Type, use Use) Object {
	if hasOwnSchema(t) {
		o, err := ownSchema(t)
		if err != nil {
			return s.problem(t, fmt.Sprintf("its method JSONSchema: %v", err))
		}
		return o
	}
	switch codec.MethodOf(t, use&Received == 0) {
	case codec.ByTime:
		return M("type", "string", "format", "date-time")
	case codec.ByText:
		return M("type", "string")
	case codec.ByJSON:
		return s.problem(t, "its JSON is made by its own methods: add a method JSONSchema() jsontext.Value that returns its form, or pass contract.Type")
	}
	switch t.Kind() {
	case reflect.Bool:
		return M("type", "boolean")
	case reflect.String:
		return M("type", "string")
	case reflect.Slice, reflect.Array:
		return s.list(t, use)
	case reflect.Map:
		return s.mapping(t, use)
	case reflect.Struct:
		return s.object(t, use, true)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return s.problem(t, "an interface says nothing about its values: use a struct, or any")
		}
		return Object{}
	}
	if o := number(t); o != nil && codec.Problem(t, true) == "" {
		return o
	}
	return s.problem(t, codec.Problem(t, use&Received == 0))
}

// number returns the schema of a number; nil for other types. The range of 64 bits is that of the format.
func number(t reflect.Type) Object {
	switch t.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32:
		most := int64(1)<<(t.Bits()-1) - 1
		return M("type", "integer", "minimum", -most-1, "maximum", most)
	case reflect.Int, reflect.Int64:
		return M("type", "integer", "format", "int64")
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return M("type", "integer", "minimum", 0, "maximum", int64(1)<<t.Bits()-1)
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return M("type", "integer", "format", "uint64", "minimum", 0)
	case reflect.Float32:
		return M("type", "number", "format", "float")
	case reflect.Float64:
		return M("type", "number", "format", "double")
	}
	return nil
}

// Texts of numbers as the codec writes them.
const (
	signedText   = `^(0|-?[1-9][0-9]*)$`
	unsignedText = `^(0|[1-9][0-9]*)$`
	floatText    = `^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`
)

// numberText returns the pattern of a number as text; "" for other types.
func numberText(t reflect.Type) string {
	switch o := number(t); {
	case o == nil:
		return ""
	case o.Get("type") == "number":
		return floatText
	case o.Get("minimum") == 0:
		return unsignedText
	}
	return signedText
}

var bytesType = reflect.TypeFor[[]byte]()

func binarySchema() Object { return M("type", "string", "format", "binary") }

func (s *Set) list(t reflect.Type, use Use) Object {
	const base64Bytes, base64Chars = 3, 4
	isArray := t.Kind() == reflect.Array
	if t.Elem() == byteType {
		switch {
		case isArray:
			n := (t.Len() + base64Bytes - 1) / base64Bytes * base64Chars
			return M("type", "string", "contentEncoding", "base64", "minLength", n, "maxLength", n)
		case use&Binary != 0 && t == bytesType && use&Received == 0:
			return nullable(binarySchema()) // nil is null
		case use&Binary != 0 && t == bytesType:
			return binarySchema()
		}
		return M("type", "string", "contentEncoding", "base64")
	}
	o := M("type", "array", "items", s.schema(t.Elem(), use))
	if isArray {
		o = append(o, Member{"minItems", t.Len()}, Member{"maxItems", t.Len()})
	}
	return o
}

func (s *Set) mapping(t reflect.Type, use Use) Object {
	o := M("type", "object")
	key := t.Key()
	switch {
	case codec.MethodOf(key, use&Received == 0) != codec.ByKind, key.Kind() == reflect.String, key == reflect.TypeFor[any](),
		key.Kind() == reflect.Array && key.Elem() == byteType:
	case numberText(key) != "" && codec.Problem(key, true) == "":
		o = o.With("propertyNames", M("pattern", numberText(key)))
	default:
		return s.problem(t, fmt.Sprintf("the key %v of a map has no form as a name in JSON", key))
	}
	return o.With("additionalProperties", s.schema(t.Elem(), use))
}

// object returns the schema of a struct.
func (s *Set) object(t reflect.Type, use Use, parameters bool) Object {
	m := membersOf(t, parameters)
	formatted := slices.ContainsFunc(m.fields, func(f field) bool { return f.form == formFormat }) // a problem of the field
	if bad := codec.StructProblem(t, use&Received == 0); bad != "" && parameters && !formatted {
		return s.problem(t, bad)
	}
	properties, required := Object{}, []any{}
	for i := range m.fields {
		f := &m.fields[i]
		s.Within(f.name, func() { properties = append(properties, Member{f.name, s.property(f, use)}) })
		if use&Received == 0 && f.isAlwaysWritten() {
			required = append(required, f.name)
		}
	}
	o := M("type", "object")
	if len(properties) > 0 {
		o = o.With("properties", properties)
	}
	if len(required) > 0 {
		o = o.With("required", required)
	}
	if m.rest != nil {
		o = o.With("additionalProperties", s.schema(m.rest, use))
	}
	return o
}

func (s *Set) property(f *field, use Use) Object {
	t := f.typ
	optional := false // nil is not written
	if t.Kind() == reflect.Pointer && t.Name() == "" && f.omit != 0 && !hasOwnSchema(t) {
		t, optional = t.Elem(), true
	}
	switch f.form {
	case formFormat:
		return s.problem(t, "the tag option format has no schema: use a type with MarshalText and UnmarshalText")
	case formOfType:
		if f.omit != 0 && t == bytesType && use&Binary != 0 {
			return binarySchema() // null is omitted
		}
		return s.schema(t, use)
	}
	to, null := t, false
	for to.Kind() == reflect.Pointer && to.Name() == "" {
		to, null = to.Elem(), true
	}
	pattern := numberText(to)
	switch {
	case codec.MethodOf(to, use&Received == 0) != codec.ByKind || hasOwnSchema(to):
		return s.schema(t, use) // the option has no effect
	case pattern == "" || codec.Problem(to, true) != "":
		return s.problem(t, "the tag option string is for numbers")
	case null && !optional:
		return nullable(M("type", "string", "pattern", pattern))
	}
	return M("type", "string", "pattern", pattern)
}

// isAlwaysWritten reports whether no value of a field is left out.
func (f *field) isAlwaysWritten() bool {
	switch {
	case f.behind || f.omit&omitZero != 0:
		return false
	case f.omit == 0:
		return true
	case codec.MethodOf(f.typ, true) == codec.ByTime:
		return true
	case codec.MethodOf(f.typ, true) != codec.ByKind || hasOwnSchema(f.typ):
		return false
	case f.typ.Kind() == reflect.Array:
		return f.typ.Len() > 0
	case f.typ.Kind() == reflect.Bool || number(f.typ) != nil:
		return true
	}
	return false
}

// nullable returns a schema that null is valid for, too.
func nullable(o Object) Object {
	if len(o) == 0 {
		return o
	}
	if name, ok := o.Get("type").(string); ok && o.Get("enum") == nil && o.Get("const") == nil {
		with := append(Object{}, o...)
		for i := range with {
			if with[i].Name == "type" {
				with[i].Value = []any{name, "null"}
			}
		}
		return with
	}
	if isNullable(o) {
		return o
	}
	return M("anyOf", []any{o, M("type", "null")})
}

// isNullable reports whether nullable has returned a schema.
func isNullable(o Object) bool {
	if list, ok := o.Get("type").([]any); ok {
		return len(list) > 0 && list[len(list)-1] == "null"
	}
	list, ok := o.Get("anyOf").([]any)
	if !ok || len(list) == 0 {
		return false
	}
	last, ok := list[len(list)-1].(Object)
	return ok && last.Get("type") == "null"
}

// problem reports a type without a schema, and returns the schema of any value.
func (s *Set) problem(t reflect.Type, text string) Object {
	if key := (found{t, text}); !s.found[key] && s.opts.Report != nil {
		s.found[key] = true
		s.opts.Report(Problem{strings.Join(s.path, "."), t, text})
	}
	return Object{}
}

// The forms of the method JSONSchema.
type (
	schemer   interface{ JSONSchema() jsontext.Value }
	stdSchema interface{ JSONSchema() json.RawMessage }
)

// hasOwnSchema reports whether a type has a method JSONSchema.
func hasOwnSchema(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return false // that of what it points to
	}
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[schemer]()) || p.Implements(reflect.TypeFor[stdSchema]())
}

// ownSchema returns what the method JSONSchema of a zero value returns.
func ownSchema(t reflect.Type) (o Object, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	var text jsontext.Value
	switch v := reflect.New(t).Interface().(type) {
	case schemer:
		text = v.JSONSchema()
	case stdSchema:
		text = jsontext.Value(v.JSONSchema())
	}
	o, err = Parse(text)
	return o, err
}
