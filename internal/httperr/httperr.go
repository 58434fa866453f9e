// Package httperr writes errors that clients see, as JSON.
package httperr

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Internal is the message of errors that clients may not see.
const Internal = "Internal server error"

// Visible returns the part of err that a client may see, and whether err is one that was
// meant for clients.
func Visible(err error) (*pipeline.Error, bool) {
	if e, ok := errors.AsType[*pipeline.Error](err); ok {
		return e, true
	}
	return &pipeline.Error{Message: Internal}, false
}

// Event is what a client sees of an error outside of HTTP responses: in the event
// `exception`, in a waiting ack, and in the data of a connect_error.
type Event struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Code    string `json:"code,omitzero"`
	Details any    `json:"details,omitzero"`
	Cause   *Cause `json:"cause,omitzero"`
}

// Cause is the message that caused an error.
type Cause struct {
	Pattern string           `json:"pattern"`
	Data    *json.RawMessage `json:"data,omitzero"`
}

// EventOf returns what a client sees of e, without a cause.
func EventOf(e *pipeline.Error) Event {
	return Event{Status: "error", Message: e.Message, Code: e.Code, Details: e.Details}
}

// Response is the body of an HTTP response.
type Response struct {
	StatusCode int    `json:"statusCode"`
	Message    string `json:"message"`
	Error      string `json:"error"`
	Code       string `json:"code,omitzero"`
	Details    any    `json:"details,omitzero"`
}

// ResponseOf returns the body for an error.
func ResponseOf(e *pipeline.Error, status int, details any) Response {
	return Response{status, e.Message, http.StatusText(status), e.Code, details}
}

// Status returns the HTTP status of a refused handshake: that of a visible error, 403 when
// it has none, otherwise 500.
func Status(err error) int {
	e, ok := Visible(err)
	switch {
	case e.Status >= 400 && e.Status <= 599:
		return e.Status
	case ok:
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// Encode returns e as an [Event].
func Encode(e *pipeline.Error) []byte {
	return Marshal(e, func(details any) any {
		return Event{Status: "error", Message: e.Message, Code: e.Code, Details: details}
	}, nil)
}

// Write answers a refused handshake:
// {"statusCode":403,"message":…,"error":"Forbidden","code":…,"details":…}.
func Write(w http.ResponseWriter, err error) {
	e, _ := Visible(err)
	status := Status(err)
	b := Marshal(e, func(details any) any {
		return ResponseOf(e, status, details)
	}, nil)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	maps.Copy(h, e.Header)
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
