package jsonschema

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Object is a JSON object whose members keep their order. It is a schema, or a part of a document.
type Object []Member

// Member is a member of an [Object]. Its value is an Object, a []any, a string, a bool, an int, a
// [jsontext.Value] or a *Ref.
type Member struct {
	Name  string
	Value any
}

// M returns an object of names and values in turn.
func M(namesAndValues ...any) Object {
	o := make(Object, 0, len(namesAndValues)/2)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		name, _ := namesAndValues[i].(string)
		o = append(o, Member{name, namesAndValues[i+1]})
	}
	return o
}

// With returns the object with one more member.
func (o Object) With(name string, value any) Object {
	return append(slices.Clip(o), Member{name, value})
}

// Get returns the value of a member; nil if there is none.
func (o Object) Get(name string) any {
	for _, m := range o {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// MarshalJSONTo writes the members in their order.
func (o Object) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := enc.WriteToken(jsontext.String(m.Name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(enc, m.Value); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

// Text returns the object as indented JSON with a newline at its end: the same bytes for the same members.
func (o Object) Text() ([]byte, error) {
	b, err := json.Marshal(o, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(b, '\n'), err
}

// Equal reports whether two values of members have the same JSON, where references to types are
// equal if same says so.
func Equal(a, b any, same func(a, b *Ref) bool) bool {
	switch a := a.(type) {
	case Object:
		b, ok := b.(Object)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i].Name != b[i].Name || !Equal(a[i].Value, b[i].Value, same) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i], same) {
				return false
			}
		}
		return true
	case *Ref:
		b, ok := b.(*Ref)
		return ok && same(a, b)
	case jsontext.Value:
		b, ok := b.(jsontext.Value)
		return ok && string(a) == string(b)
	}
	switch b.(type) {
	case Object, []any, jsontext.Value:
		return false
	}
	return a == b
}

// Parse returns the object that a text is.
func Parse(text jsontext.Value) (Object, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	o, ok := v.(Object)
	if _, err := dec.ReadToken(); !ok || !errors.Is(err, io.EOF) {
		return nil, errors.New("it is not one JSON object")
	}
	return o, nil
}

func parseValue(dec *jsontext.Decoder) (any, error) {
	switch dec.PeekKind() {
	case '{':
		return parseObject(dec)
	case '[':
		return parseList(dec)
	case '"':
		t, err := dec.ReadToken()
		return t.String(), err
	}
	v, err := dec.ReadValue()
	return v.Clone(), err
}

func parseObject(dec *jsontext.Decoder) (Object, error) {
	o := Object{}
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err != nil {
			break
		}
		m := Member{Name: name.String()}
		m.Value, err = parseValue(dec)
		o = append(o, m)
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return o, err
}

func parseList(dec *jsontext.Decoder) ([]any, error) {
	list := []any{}
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != ']' {
		var v any
		v, err = parseValue(dec)
		list = append(list, v)
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return list, err
}
