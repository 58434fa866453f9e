// Package decodeerr describes to clients why their input does not decode: payloads of messages, bodies, and parameters of
// requests. All have one form, that of package validate:
//
//	{"message":"Bad payload: stay.from must be a time in RFC 3339, not a number","code":"bad_payload",
//	 "details":[{"field":"stay.from","rule":"type","message":"must be a time in RFC 3339"}]}
//
// The message names no Go types. It ends with what the client sent if that is another kind of JSON value; the details do
// not, so they are equal for the same mistake in a message, a body and a query.
//
//	rule       message
//	type       what the value must be
//	unknown    "is unknown": the name is not in the type
//	duplicate  "appears twice": the name is twice in one object
//	syntax     "is not valid JSON"; the field is empty
//	size       "has too many items"; the field is empty
//
// A [pipeline.Error] that a type's own UnmarshalText or UnmarshalJSON returns, wrapped or not, is the client's error.
// Violations in it without a field get the field of the value; without Details it gets one violation.
package decodeerr

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/jsonpointer"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Inputs of clients, for [Of] and [Syntax].
const (
	Payload = "payload"
	Body    = "body"
	Query   = "query"
)

// Of returns the client's error for an error of decoding JSON. what is the input, such as [Payload].
//
//	err := json.Unmarshal([]byte(`{"n":"x"}`), &in)
//	decodeerr.Of(err, decodeerr.Payload) // Bad payload: n must be a number, not a string
func Of(err error, what string) *pipeline.Error {
	f, located := failureOf(err)
	if own, ok := errors.AsType[*pipeline.Error](err); ok {
		return withField(own, f.field, what, err)
	}
	if !located {
		if duplicate, ok := duplicateName(err); ok {
			return newError(what, pipeline.Violation{Field: duplicate, Rule: "duplicate", Message: "appears twice"}, "", err)
		}
		if isSyntax(err) {
			return Syntax(what, err)
		}
	}
	if errors.Is(err, json.ErrUnknownName) {
		return newError(what, pipeline.Violation{Field: f.field, Rule: "unknown", Message: "is unknown"}, "", err)
	}
	message, found := f.describe()
	return newError(what, pipeline.Violation{Field: f.field, Rule: "type", Message: message}, found, err)
}

// Syntax returns the error for input that is not valid as a whole: JSON, or the query of a URL.
func Syntax(what string, err error) *pipeline.Error {
	text := "not valid JSON"
	if what == Query {
		text = "malformed"
	}
	return &pipeline.Error{
		Message: "Bad " + what + ": " + text, Code: pipeline.CodeBadPayload, Status: http.StatusBadRequest, Err: err,
		Details: []pipeline.Violation{{Rule: "syntax", Message: "is " + text}},
	}
}

// TooLarge returns the error for input with so many items that they need too much memory.
func TooLarge(what string, err error) *pipeline.Error {
	return newError(what, pipeline.Violation{Rule: "size", Message: "has too many items"}, "", err)
}

// Text returns the error for text that a parameter of type t does not accept; err is that of parsing it.
//
//	_, err := strconv.Atoi("x")
//	decodeerr.Text("limit", reflect.TypeFor[int](), "x", err) // Bad payload: limit must be a number
func Text(field string, t reflect.Type, text string, err error) *pipeline.Error {
	if own, ok := errors.AsType[*pipeline.Error](err); ok {
		return withField(own, field, Payload, err)
	}
	message, _ := failure{typ: indirect(t), kind: '"', value: text, err: err}.describe()
	e := pipeline.Invalid(pipeline.Violation{Field: field, Rule: "type", Message: message})
	e.Err = err
	return e
}

// Join returns one error for those of several parameters: with the violations of all, or the first that is more than
// violations. It returns nil if there are none.
func Join(errs []*pipeline.Error) *pipeline.Error {
	if len(errs) == 1 {
		return errs[0]
	}
	var all []pipeline.Violation
	for _, e := range errs {
		if !isInvalid(e) || e.Status != http.StatusBadRequest {
			return e
		}
		all = append(all, e.Details.([]pipeline.Violation)...)
	}
	if len(all) == 0 {
		return nil
	}
	return pipeline.Invalid(all...)
}

func newError(what string, v pipeline.Violation, found string, err error) *pipeline.Error {
	where := v.Field
	if where == "" {
		where = "the " + what
	}
	message := "Bad " + what + ": " + where + " " + v.Message
	if found != "" {
		message += ", not " + found
	}
	return &pipeline.Error{
		Message: message, Code: pipeline.CodeBadPayload, Status: http.StatusBadRequest, Err: err,
		Details: []pipeline.Violation{v},
	}
}

// withField returns a type's own error with the field of the value, and one of [pipeline.Invalid] with the name of the
// input. The error itself stays as it is, because a type may return the same one several times; errors.Is finds it in err.
func withField(own *pipeline.Error, field, what string, err error) *pipeline.Error {
	var list []pipeline.Violation
	switch d := own.Details.(type) {
	case nil:
		list = []pipeline.Violation{{Rule: "type", Message: own.Message}}
	case []pipeline.Violation:
		list = slices.Clone(d)
	}
	renamed := isInvalid(own)
	changed := renamed && what != Payload
	for i := range list {
		if list[i].Field == "" && field != "" {
			list[i].Field = field
			changed = true
		}
	}
	if !changed {
		return own
	}
	e := *own
	e.Details, e.Err = list, err
	if renamed {
		e.Message = "Bad " + what + strings.TrimPrefix(pipeline.Invalid(list...).Message, "Bad "+Payload)
	}
	return &e
}

// isInvalid reports whether an error is one of [pipeline.Invalid], or like it.
func isInvalid(e *pipeline.Error) bool {
	list, ok := e.Details.([]pipeline.Violation)
	return ok && e.Code == pipeline.CodeBadPayload && e.Body == nil && e.Header == nil && e.Message == pipeline.Invalid(list...).Message
}

func duplicateName(err error) (field string, ok bool) {
	syn, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok || !errors.Is(syn.Err, jsontext.ErrDuplicateName) {
		return "", false
	}
	return jsonpointer.Dotted(syn.JSONPointer), true
}

// join joins the parts of a field's path.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ".")
}
