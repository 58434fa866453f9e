package web

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Error is an error that is sent to the client. Its Header is added to the response, its Body
// replaces the whole response body, and its Status is 400 by default, 403 from a guard.
type Error = pipeline.Error

// WriteJSON sends v as JSON. If v cannot be encoded, the client gets 500, and WriteJSON
// returns the error.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	b, err := codec.Append(nil, v)
	if err != nil {
		WriteError(w, http.StatusInternalServerError, internalError().Message)
		return fmt.Errorf("web: WriteJSON: encode %T: %w", v, err)
	}
	w.Header().Del("Content-Type")
	write(w, nil, status, b)
	return nil
}

// WriteError sends {"statusCode":404,"message":…,"error":"Not Found"}. The client sees the
// message.
func WriteError(w http.ResponseWriter, status int, message string) {
	writeErrorBody(w, nil, &Error{Status: status, Message: message}, status, nil)
}

// Fail sends an error: an [*Error], found by errors.As, as it is; a body that was too large
// with 413; any other with 500 "Internal server error". It logs nothing. Prefer to return err
// from a handler of [Handle], so that filters receive it and it is logged.
func Fail(w http.ResponseWriter, err error) {
	e := clientError(err)
	if e == nil {
		e = internalError()
	}
	writeErrorBody(w, nil, e, http.StatusBadRequest, nil) // no logger here
}

func internalError() *Error {
	return &Error{Message: "Internal server error", Status: http.StatusInternalServerError}
}

// writeErrorBody sends e. It calls omitted, which may be nil, for Details or a Body that are left
// out because they cannot be encoded.
func writeErrorBody(w http.ResponseWriter, r *http.Request, e *Error, status int, omitted func(httperr.Omission)) {
	if e.Status >= 300 && e.Status <= 599 {
		status = e.Status
	}
	b := httperr.Marshal(e, func(details any) any {
		return httperr.ResponseOf(e, status, details)
	}, omitted)
	h := w.Header()
	// Headers that the handler has set for another response.
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
}

// write sends a response, without body to HEAD requests and for a status without body. r may be
// nil.
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
		_, _ = w.Write(b) // fails only if the client has disconnected
	}
}
