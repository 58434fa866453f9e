package web

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Error is an error whose text the client may see. [Fail] answers with it.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Message is for people.
	Message string
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

// WriteJSON answers with v as JSON. Nothing has been written when v does not
// encode: the client then gets 500, and the caller the error.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		WriteError(w, http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError))
		return fmt.Errorf("web: %T does not encode as JSON: %w", v, err)
	}
	write(w, status, b)
	return nil
}

// WriteError answers with {"statusCode":404,"message":…,"error":"Not Found"}.
// The message is for the client to see.
func WriteError(w http.ResponseWriter, status int, message string) {
	type body struct {
		StatusCode int    `json:"statusCode"`
		Message    string `json:"message"`
		Error      string `json:"error"`
	}
	b, err := json.Marshal(body{status, message, http.StatusText(status)}, jsontext.AllowInvalidUTF8(true))
	if err != nil { // an int and two strings always encode
		http.Error(w, http.StatusText(status), status)
		return
	}
	write(w, status, b)
}

// Fail answers with the status and message of an [*Error], found by errors.As,
// and with 500 "Internal server error" to anything else.
func Fail(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*Error](err); ok && e.Status >= 400 && e.Status <= 599 {
		WriteError(w, e.Status, e.Message)
		return
	}
	WriteError(w, http.StatusInternalServerError, "Internal server error")
}

func write(w http.ResponseWriter, status int, b []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// ReadJSON decodes the request's body. The error is an [*Error] for [Fail]: 415
// when the body is not declared as JSON (so that forms of other sites cannot
// post it), 413 when it is larger than maxBytes, otherwise 400.
//
//	in, err := web.ReadJSON[Message](w, r, 64<<10)
//	if err != nil {
//		web.Fail(w, err)
//		return
//	}
func ReadJSON[T any](w http.ResponseWriter, r *http.Request, maxBytes int64) (T, error) {
	var v T
	if !isJSON(r.Header.Get("Content-Type")) {
		return v, &Error{Status: http.StatusUnsupportedMediaType, Message: "The Content-Type must be application/json"}
	}
	err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxBytes), &v)
	if err == nil {
		return v, nil
	}
	var zero T
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		message := fmt.Sprintf("The body is larger than %d bytes", tooBig.Limit)
		return zero, &Error{Status: http.StatusRequestEntityTooLarge, Message: message, Err: err}
	}
	return zero, &Error{Status: http.StatusBadRequest, Message: bodyProblem(err), Err: err}
}

// bodyProblem words a decode failure without naming Go types.
func bodyProblem(err error) string {
	if e, ok := errors.AsType[*json.SemanticError](err); ok && e.JSONPointer != "" {
		where := strings.ReplaceAll(strings.TrimPrefix(string(e.JSONPointer), "/"), "/", ".")
		return "Bad body: " + where + " has the wrong type or value"
	}
	if _, ok := errors.AsType[*json.SemanticError](err); ok {
		return "Bad body: it has the wrong type"
	}
	return "Bad body: not valid JSON"
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json"))
}
