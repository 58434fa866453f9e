package web

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Error is an error whose text the client may see. On a request its Header is added
// to the answer, its Body takes the place of the answer's whole body, and its Status
// is 400 by default, 403 from a guard.
type Error = pipeline.Error

// WriteJSON answers with v as JSON. Nothing has been written when v does not
// encode: the client then gets 500, and the caller the error.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		WriteError(w, http.StatusInternalServerError, internal().Message)
		return fmt.Errorf("web: %T does not encode as JSON: %w", v, err)
	}
	w.Header().Del("Content-Type")
	write(w, nil, status, b)
	return nil
}

// WriteError answers with {"statusCode":404,"message":…,"error":"Not Found"}.
// The message is for the client to see.
func WriteError(w http.ResponseWriter, status int, message string) {
	_ = writeFailure(w, nil, &Error{Status: status, Message: message}, status) // an int and two strings always encode
}

// Fail answers with what the client may see of err: an [*Error], found by errors.As,
// as it is; a body that was too large with 413; anything else with 500 "Internal
// server error". It logs nothing. Handlers of [Handle] return err instead, so that
// filters see it and it is logged.
func Fail(w http.ResponseWriter, err error) {
	e := visible(err)
	if e == nil {
		e = internal()
	}
	_ = writeFailure(w, nil, e, http.StatusBadRequest) // there is no log to tell
}

func internal() *Error {
	return &Error{Message: "Internal server error", Status: http.StatusInternalServerError}
}

// failure is what a client sees of an error.
type failure struct {
	StatusCode int    `json:"statusCode"`
	Message    string `json:"message"`
	Error      string `json:"error"`
	Code       string `json:"code,omitzero"`
	Details    any    `json:"details,omitzero"`
}

// writeFailure answers with e. The error tells that its Details or Body were left
// out, because they do not encode.
func writeFailure(w http.ResponseWriter, r *http.Request, e *Error, status int) error {
	if e.Status >= 300 && e.Status <= 599 {
		status = e.Status
	}
	f := failure{status, e.Message, http.StatusText(status), e.Code, e.Details}
	var answer any = f
	if e.Body != nil {
		answer = e.Body
	}
	b, err := marshalSafely(answer)
	if err != nil {
		f.Details = nil
		b, _ = marshalSafely(f)
	}
	h := w.Header()
	// What the handler has said about another answer.
	for _, name := range []string{"Content-Encoding", "Content-Range", "Content-Disposition", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Del("Content-Type")
	for name, values := range e.Header {
		for _, v := range values {
			h.Add(name, v)
		}
	}
	write(w, r, status, b)
	return err
}

// marshalSafely is for what is written after the user's code has failed already.
func marshalSafely(v any) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p}
		}
	}()
	return json.Marshal(v, jsontext.AllowInvalidUTF8(true))
}

// write answers; without the body to HEAD, and where the status has none. r may be nil.
func write(w http.ResponseWriter, r *http.Request, status int, b []byte) {
	h := w.Header()
	if status == http.StatusNotModified || status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r == nil || r.Method != http.MethodHead {
		_, _ = w.Write(b) // a client that is gone has nothing to be told
	}
}
