package pipeline

import (
	"net/http"
	"strings"
)

// Error is an error that is sent to the client. Any other error that a guard, pipe or
// handler returns is logged, and the client gets "Internal server error".
//
//	return nil, &pipeline.Error{Message: "Room is full", Code: "room_full"}
//
// It is found by errors.As, so it may be wrapped. Do not modify an Error that several
// calls return.
type Error struct {
	// Message is the text for people.
	Message string
	// Code is the code for programs; omitted when empty.
	Code string
	// Details is encoded as JSON next to the message; omitted when nil.
	Details any
	// Status is the HTTP status when the error answers a request. Default: 403 when a
	// connection is rejected, otherwise 400.
	Status int
	// Header is added to the HTTP response, such as Retry-After.
	Header http.Header
	// Body, if not nil, replaces the whole response body. It is encoded as JSON.
	Body any
	// Err is the cause, for errors.Is and logs. It is not sent to the client.
	Err error
}

// Error returns the message, followed by the cause if there is one.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Codes of the errors of this package.
const (
	CodeForbidden    = "forbidden"
	CodeUnauthorized = "unauthorized"
	CodeBadPayload   = "bad_payload"
	CodeTimeout      = "timeout"
)

// Errors for guards.
var (
	// ErrForbidden means that the client is not allowed to do this.
	ErrForbidden = &Error{Message: "Forbidden resource", Code: CodeForbidden, Status: http.StatusForbidden}
	// ErrUnauthorized means that the client is not authenticated.
	ErrUnauthorized = &Error{Message: "Unauthorized", Code: CodeUnauthorized, Status: http.StatusUnauthorized}
)

// Violation is one rule that a field of a payload breaks.
type Violation struct {
	// Field is the path of the field, in JSON names: "items.0.name".
	Field string `json:"field"`
	// Rule is the name of the rule, for programs: "required", "max".
	Rule string `json:"rule"`
	// Param is the parameter of the rule: "40".
	Param string `json:"param,omitzero"`
	// Message is the text for people: "may have at most 40 characters".
	Message string `json:"message"`
}

// Invalid returns the error for a payload that breaks rules: its message lists the
// violations, its Details are the violations, its status is 400.
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
