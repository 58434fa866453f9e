package record

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// rewriteJSON returns a JSON text in which f has replaced values: strings, numbers, true, false, null, and names of members. name
// is that of the closest member in which a value is; empty without, and for names themselves. f also gets objects and lists, whose
// elements follow if it returns them as they are.
func rewriteJSON(text jsontext.Value, f func(name string, v jsontext.Value) (jsontext.Value, error)) (jsontext.Value, error) {
	if len(text) == 0 {
		return text, nil
	}
	w := &rewriter{f: f}
	if err := w.value("", text); err != nil {
		return nil, err
	}
	return w.out, nil
}

type rewriter struct {
	f   func(name string, v jsontext.Value) (jsontext.Value, error)
	out []byte
}

func (w *rewriter) value(name string, v jsontext.Value) error {
	v = bytes.TrimSpace(v)
	to, err := w.f(name, v)
	if err != nil {
		return err
	}
	kind := v.Kind()
	if kind != '{' && kind != '[' || !bytes.Equal(to, v) {
		w.out = append(w.out, to...)
		return nil
	}
	isName, first := false, true
	return elements(v, func(e jsontext.Value) error {
		isName = kind == '{' && !isName
		switch {
		case isName && !first, kind == '[' && !first:
			w.out = append(w.out, ',')
		case kind == '{' && !isName:
			w.out = append(w.out, ':')
		}
		first = false
		if isName {
			b, err := jsontext.AppendUnquote(nil, e)
			if name = string(b); err != nil {
				return err
			}
			return w.value("", e)
		}
		return w.value(name, e)
	}, func(token byte) { w.out = append(w.out, token) })
}

// elements calls each with the elements of a list, or with the names and values of an object, and around with the brackets.
func elements(v jsontext.Value, each func(jsontext.Value) error, around func(byte)) error {
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	start, err := dec.ReadToken()
	if err != nil {
		return err
	}
	around(byte(start.Kind()))
	for dec.PeekKind() != '}' && dec.PeekKind() != ']' {
		e, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if err := each(bytes.Clone(e)); err != nil {
			return err
		}
	}
	end, err := dec.ReadToken()
	if err != nil {
		return err
	}
	around(byte(end.Kind()))
	return nil
}

// tree is a JSON value: an object, a list, a text, or a literal.
type tree struct {
	kind    jsontext.Kind
	members map[string]tree
	items   []tree
	text    string // of a text, without quotes; of a number or another literal as it is
}

func treeOf(v jsontext.Value) (t tree, err error) {
	if v = bytes.TrimSpace(v); len(v) == 0 {
		return tree{}, nil
	}
	t.kind = v.Kind()
	switch t.kind {
	case '"':
		b, err := jsontext.AppendUnquote(nil, v)
		t.text = string(b)
		return t, err
	case '[':
		return t, elements(v, func(e jsontext.Value) error {
			item, err := treeOf(e)
			t.items = append(t.items, item)
			return err
		}, func(byte) {})
	case '{':
		t.members = map[string]tree{}
		name, isName := "", false
		err = elements(v, func(e jsontext.Value) error {
			if isName = !isName; isName {
				b, err := jsontext.AppendUnquote(nil, e)
				name = string(b)
				return err
			}
			var err error
			t.members[name], err = treeOf(e)
			return err
		}, func(byte) {})
		return t, err
	default:
		t.text = string(v)
		return t, nil
	}
}

// sameNumber reports whether two numbers have one value.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == y
}
