package websockets

import (
	"bytes"
	"encoding/json"

	"github.com/gatehouse-go/gatehouse/internal/admission"
	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/payload"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Payload is what a message carries, undecoded: JSON text, plus the binary
// attachments that placeholders {"_placeholder":true,"num":n} in it point to.
// A handler whose input is a Payload receives the bytes as they arrived; they belong to
// the message and may be kept. Without attachments an object that looks like a
// placeholder is data. Sending a Payload fails unless its placeholders refer to each
// attachment exactly once.
type Payload struct {
	// JSON is one JSON value; empty means that there was no argument.
	JSON []byte
	// Attachments are the binary parts, in the order of their numbers.
	Attachments [][]byte
	// Spread reports that JSON is an array of several arguments. Platforms whose
	// events have arguments send its elements as arguments; others send the array.
	Spread bool
}

// Size is the number of bytes of JSON and attachments.
func (p Payload) Size() int {
	n := len(p.JSON)
	for _, a := range p.Attachments {
		n += len(a)
	}
	return n
}

// Clone returns a copy that shares no memory with p.
func (p Payload) Clone() Payload {
	p.JSON = bytes.Clone(p.JSON)
	p.Attachments = cloneAttachments(p.Attachments)
	return p
}

func cloneAttachments(all [][]byte) [][]byte {
	if len(all) == 0 {
		return all
	}
	own := make([][]byte, len(all))
	for i, a := range all {
		own[i] = bytes.Clone(a)
	}
	return own
}

// IsZero reports whether there is no payload at all.
func (p Payload) IsZero() bool { return len(p.JSON) == 0 && len(p.Attachments) == 0 }

// Decode stores the payload in the value that v points to, as json/v2 does:
// duplicate names and invalid UTF-8 are errors, names match exactly or else
// without regard to case. Half a surrogate pair ("\ud83d") is read as U+FFFD.
// Elements may need 16 MiB, or 16 times the payload, of memory. []byte and byte arrays take an attachment or base64 text,
// any takes an attachment as []byte; where the type can hold neither, an attachment
// is an error, also for [json.RawMessage] and other types that decode themselves from
// text. A [Payload] takes everything undecoded. What it stores shares no memory with p. An empty payload leaves v as it is. The
// error is an [*Error] that clients may see.
func (p Payload) Decode(v any) error {
	if len(p.JSON) == 0 {
		return nil
	}
	if handled, err := DecodeArguments(seal.Framework{}, p, v, true, Payload.Decode); handled {
		return err
	}
	switch dst := v.(type) {
	case *Payload:
		*dst = p.Clone()
		return nil
	case *json.RawMessage: // a copy too: the bytes may be those of a message that is reused
		p.JSON = bytes.Clone(p.JSON)
	}
	return payload.Raw{JSON: p.JSON, Attachments: cloneAttachments(p.Attachments)}.Decode(v, codec.Options{})
}

// Codes of the errors that the framework itself sends to clients.
const (
	CodeBadPayload    = pipeline.CodeBadPayload // the payload does not fit the handler's type
	CodeBadMessage    = "bad_message"           // the frame is not a message at all
	CodeUnknownEvent  = "unknown_event"         // no handler subscribes to the event
	CodeTooManyTasks  = "too_many_tasks"        // see Background; also too many clients that left their namespace and whose handlers run
	CodeTooManyRooms  = "too_many_rooms"        // see MaxRooms
	CodeRoomName      = "room_name"             // see ErrRoomName
	CodeNotAccepting  = "not_accepting"         // the application is starting or stopping
	CodeForbidden     = pipeline.CodeForbidden
	CodeForeignOrigin = "foreign_origin"
	CodeNotFound      = "not_found"
	// CodeAuthTooLarge: the auth of a client has more than Limits.MaxAuth bytes.
	CodeAuthTooLarge = "auth_too_large"

	CodeOverloaded         = admission.CodeOverloaded         // too many connections in all, or too little memory, for one more
	CodeTooManyConnections = admission.CodeTooManyConnections // the client's address has too many
)
