package pipeline

import (
	"net/http"
	"strings"
)

// Error is an error whose text the client may see. Anything else that a guard,
// pipe or handler returns reaches the client as "Internal server error", and is
// logged.
//
//	return nil, &pipeline.Error{Message: "Room is full", Code: "room_full"}
//
// It is found by errors.As, so it may be wrapped. One that several calls return
// must not be changed.
type Error struct {
	// Message is for people.
	Message string
	// Code is for programs; left out when empty.
	Code string
	// Details is encoded as JSON along with the message; left out when nil.
	Details any
	// Status is the HTTP status where the error answers a request. Default: 403
	// where a connection is refused, otherwise 400.
	Status int
	// Header is added to the answer of a request, such as Retry-After.
	Header http.Header
	// Body takes the place of the whole answer, encoded as JSON; for clients that
	// expect another form.
	Body any
	// Err is the cause, for errors.Is and logs; the client does not see it.
	Err error
}

// Error is the message, with the hidden cause behind it.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }

// Codes of the errors of this package.
const (
	CodeForbidden    = "forbidden"
	CodeUnauthorized = "unauthorized"
	CodeBadPayload   = "bad_payload"
	CodeTimeout      = "timeout"
)

// What guards deny with.
var (
	// ErrForbidden is for clients that may not do this.
	ErrForbidden = &Error{Message: "Forbidden resource", Code: CodeForbidden, Status: http.StatusForbidden}
	// ErrUnauthorized is for clients that have not said who they are.
	ErrUnauthorized = &Error{Message: "Unauthorized", Code: CodeUnauthorized, Status: http.StatusUnauthorized}
)

// Violation is one rule that a field of a payload breaks.
type Violation struct {
	// Field is where, in the names of the wire: "items.0.name".
	Field string `json:"field"`
	// Rule is the rule's name, for programs: "required", "max".
	Rule string `json:"rule"`
	// Param is the rule's parameter: "40".
	Param string `json:"param,omitzero"`
	// Message is for people: "may have at most 40 characters".
	Message string `json:"message"`
}

// Invalid is the error of a payload that breaks rules. Its message names them, its
// Details are the violations, its status is 400.
//
//	return pipeline.Invalid(pipeline.Violation{Field: "text", Rule: "required", Message: "is required"})
func Invalid(violations ...Violation) *Error {
	texts := make([]string, len(violations))
	for i, v := range violations {
		texts[i] = strings.TrimSpace(v.Field + " " + v.Message)
	}
	e := &Error{Message: "Bad payload", Code: CodeBadPayload, Status: http.StatusBadRequest}
	if len(violations) > 0 {
		e.Message += ": " + strings.Join(texts, "; ")
		e.Details = violations
	}
	return e
}
