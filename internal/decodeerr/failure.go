package decodeerr

import (
	stdjson "encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/jsonpointer"
)

// failure is a value that does not decode.
type failure struct {
	field string
	typ   reflect.Type // without pointers; nil: unknown
	kind  jsontext.Kind
	value string // the text of a number or string, where known
	err   error  // nil: a JSON value of this kind does not fit, whatever it is
}

// failureOf returns what err says about a value, and whether it says anything.
func failureOf(err error) (f failure, ok bool) {
	if sem, ok := errors.AsType[*json.SemanticError](err); ok {
		f = failure{
			field: jsonpointer.Dotted(sem.JSONPointer), typ: indirect(sem.GoType), kind: opening(sem.JSONKind),
			value: textOf(sem.JSONValue), err: sem.Err,
		}
		// A type's own UnmarshalJSON usually returns the error of encoding/json.
		if std, ok := errors.AsType[*stdjson.UnmarshalTypeError](sem.Err); ok {
			f = f.withStandard(std)
		}
		return f, !wrapsSyntax(sem)
	}
	if std, ok := errors.AsType[*stdjson.UnmarshalTypeError](err); ok {
		return f.withStandard(std), true
	}
	return failure{err: err}, false
}

// wrapsSyntax reports whether invalid JSON is the cause: a type that reads from the decoder may have wrapped the decoder's
// error. Other types have parsed text of their own, which is not the client's JSON.
func wrapsSyntax(sem *json.SemanticError) bool {
	_, ok := errors.AsType[*jsontext.SyntacticError](sem.Err)
	return ok && implements(indirect(sem.GoType), unmarshalerFrom)
}

func isSyntax(err error) bool {
	if _, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return true
	}
	_, ok := errors.AsType[*stdjson.SyntaxError](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// withStandard returns f with what an error of encoding/json says.
func (f failure) withStandard(e *stdjson.UnmarshalTypeError) failure {
	f.field = join(f.field, e.Field)
	f.typ, f.err = indirect(e.Type), nil
	word, value, ok := strings.Cut(e.Value, " ")
	f.kind, f.value = standardKinds[word], value
	if ok { // "number 1.5": the kind fits, the value does not
		f.err = strconv.ErrSyntax
	}
	return f
}

var standardKinds = map[string]jsontext.Kind{
	"string": '"', "number": '0', "bool": 't', "object": '{', "array": '[', "null": 'n',
}

// opening returns the kind of the value that a token ends.
func opening(k jsontext.Kind) jsontext.Kind {
	switch k {
	case '}':
		return '{'
	case ']':
		return '['
	}
	return k
}

// textOf returns the text of a number or string.
func textOf(v jsontext.Value) string {
	if v.Kind() != '"' {
		return string(v)
	}
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return string(text)
}

func indirect(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
