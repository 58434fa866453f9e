package websockets

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Errors that Emit, Call and Join return. Test with errors.Is.
var (
	// ErrClosed: the client has left.
	ErrClosed = errors.New("websockets: client has disconnected")
	// ErrQueueFull: the client reads too slowly and its send queue is full.
	ErrQueueFull = errors.New("websockets: send queue of the client is full")
	// ErrTooManyRooms: the client is in as many rooms as [MaxRooms] allows.
	ErrTooManyRooms = errors.New("websockets: client is in too many rooms")
	// ErrRoomName: the name of a room is longer than 1,024 bytes. Names may come from
	// clients, and are kept for each.
	ErrRoomName = errors.New("websockets: the name of a room is longer than 1,024 bytes")
	// ErrTooManyCalls: too many calls to the client wait for an answer.
	ErrTooManyCalls = errors.New("websockets: too many calls to the client are unanswered")
)

// Error is an error whose text the client may see. Anything else that a handler
// returns reaches the client as "Internal server error" and is logged.
//
//	return nil, &websockets.Error{Message: "Room is full", Code: "room_full"}
//
// It is found by errors.As, so it may be wrapped.
type Error = pipeline.Error

// NewError makes an Error of a message for the client.
func NewError(message string) *Error { return &Error{Message: message} }

// EventException is the event under which errors reach clients.
const EventException = "exception"

const internalError = "Internal server error"

// errorBody is what a client sees of an error: in the event `exception`, in a
// waiting ack, and in a connect_error's data.
type errorBody struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Code    string `json:"code,omitzero"`
	Details any    `json:"details,omitzero"`
	Cause   *cause `json:"cause,omitzero"`
}

type cause struct {
	Pattern string           `json:"pattern"`
	Data    *json.RawMessage `json:"data,omitzero"`
}

// visible gives the part of err that a client may see, and whether err is one
// that was meant for clients.
func visible(err error) (*Error, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, true
	}
	return &Error{Message: internalError}, false
}

// probe looks at an error of the application's as it will be looked at later, where
// nobody recovers a panic of its methods.
func probe(err error) {
	if err != nil {
		_ = errors.Is(err, ErrClosed)
		_, _ = visible(err)
	}
}

// Refusal is how a refused handshake is told to the client.
type Refusal struct {
	// Status is the HTTP status, 400 to 599.
	Status int
	// Message is the text.
	Message string
	// Data is the JSON object {"status":"error","message":…,"code":…,"details":…}.
	Data []byte
	// Header is to be added to an HTTP response.
	Header http.Header
}

// RefusalOf gives the answer for an error of [Endpoint.Admit]: the message and
// status of an [*Error] (403 by default), otherwise 500 "Internal server error".
func RefusalOf(err error) Refusal {
	e, ok := visible(err)
	r := Refusal{Status: e.Status, Message: e.Message, Header: e.Header}
	if r.Status < 400 || r.Status > 599 {
		r.Status = http.StatusForbidden
		if !ok {
			r.Status = http.StatusInternalServerError
		}
	}
	r.Data = bodyOf(e, func(details any) any {
		return errorBody{Status: "error", Message: e.Message, Code: e.Code, Details: details}
	})
	return r
}

// bodyOf encodes what a client is told: the error's own Body, or the default one.
// What does not encode must not hide the refusal, so it is left out.
func bodyOf(e *Error, standard func(details any) any) []byte {
	if e.Body != nil {
		if b, err := marshalJSON(e.Body); err == nil {
			return b
		}
	}
	b, err := marshalJSON(standard(e.Details))
	if err != nil {
		b, _ = marshalJSON(standard(nil))
	}
	return b
}

// WriteRefusal answers a refused handshake over HTTP:
// {"statusCode":403,"message":…,"error":"Forbidden","code":…,"details":…}.
func WriteRefusal(w http.ResponseWriter, err error) {
	e, _ := visible(err)
	r := RefusalOf(err)
	type body struct {
		StatusCode int    `json:"statusCode"`
		Message    string `json:"message"`
		Error      string `json:"error"`
		Code       string `json:"code,omitzero"`
		Details    any    `json:"details,omitzero"`
	}
	b := bodyOf(e, func(details any) any {
		return body{r.Status, r.Message, http.StatusText(r.Status), e.Code, details}
	})
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if r.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	maps.Copy(h, r.Header)
	w.WriteHeader(r.Status)
	_, _ = w.Write(b)
}
