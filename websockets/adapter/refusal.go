package adapter

import (
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/httperr"
)

// Refusal is what a client sees of a refused handshake.
type Refusal struct {
	// Status is the HTTP status, 400 to 599.
	Status int
	// Message is the text.
	Message string
	// Data is the JSON object {"status":"error","message":…,"code":…,"details":…}.
	Data []byte
	// Header is added to an HTTP response.
	Header http.Header
}

// RefusalOf returns the answer for an error of [Endpoint.Admit]: the message and status of
// an Error (403 by default), otherwise 500 "Internal server error".
func RefusalOf(err error) Refusal {
	e, _ := httperr.Visible(err)
	return Refusal{Status: httperr.Status(err), Message: e.Message, Data: httperr.Encode(e), Header: e.Header}
}

// WriteRefusal answers a refused handshake over HTTP:
// {"statusCode":403,"message":…,"error":"Forbidden","code":…,"details":…}.
func WriteRefusal(w http.ResponseWriter, err error) { httperr.Write(w, err) }
