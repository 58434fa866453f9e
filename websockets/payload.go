package websockets

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/admission"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Payload is what a message carries, undecoded: JSON text, plus the binary
// attachments that placeholders {"_placeholder":true,"num":n} in it point to.
// As a handler's type it gives the handler the bytes as they came; they belong
// to the message and may be kept. Without attachments an object that looks like a
// placeholder is data. Sending a Payload fails unless its placeholders refer to each
// attachment exactly once.
type Payload struct {
	// JSON is one JSON value; empty means that there was no argument.
	JSON []byte
	// Attachments are the binary parts, in the order of their numbers.
	Attachments [][]byte
	// Spread tells that JSON is an array of several arguments. Platforms whose
	// events have arguments send it as such; to others it is the array.
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

// IsZero reports whether there is no payload at all.
func (p Payload) IsZero() bool { return len(p.JSON) == 0 && len(p.Attachments) == 0 }

// Decode stores the payload in the value that v points to, as json/v2 does:
// duplicate names and invalid UTF-8 are errors, names match exactly or else
// without regard to case. []byte and byte arrays take an attachment or base64 text,
// any takes an attachment as []byte; where the type can hold neither, an attachment
// is an error, also for [json.RawMessage] and other types that decode themselves from
// text. A [Payload] takes everything undecoded. No payload leaves v as it is. The
// error is an [*Error] fit for the client.
func (p Payload) Decode(v any) error { return p.decode(v, false) }

// decode is Decode; strict refuses names that v does not have.
func (p Payload) decode(v any, strict bool) error {
	if len(p.JSON) == 0 {
		return nil
	}
	if dst, ok := v.(*Payload); ok {
		*dst = p
		return nil
	}
	if raw, ok := v.(*stdjson.RawMessage); ok && len(p.Attachments) == 0 {
		if !jsontext.Value(p.JSON).IsValid() {
			return &Error{Message: "Bad payload: not valid JSON", Code: CodeBadPayload}
		}
		*raw = p.JSON
		return nil
	}
	opts := decodeOptions
	if strict {
		opts = strictOptions
	}
	var err error
	if len(p.Attachments) > 0 {
		err = p.decodeBinary(v, opts)
	} else {
		err = json.Unmarshal(p.JSON, v, opts)
	}
	if err != nil {
		return decodeError(err)
	}
	return nil
}

// isRaw reports whether v takes a payload as it is.
func isRaw(v any) bool {
	_, ok := v.(*stdjson.RawMessage)
	return ok
}

// Codes of the errors that the framework itself tells clients.
const (
	CodeBadPayload    = pipeline.CodeBadPayload // the payload does not fit the handler's type
	CodeBadMessage    = "bad_message"           // the frame is not a message at all
	CodeUnknownEvent  = "unknown_event"         // nobody subscribes to the event
	CodeTooManyTasks  = "too_many_tasks"        // see Background
	CodeNotAccepting  = "not_accepting"         // the application is starting or stopping
	CodeForbidden     = pipeline.CodeForbidden
	CodeForeignOrigin = "foreign_origin"
	CodeNotFound      = "not_found"

	CodeOverloaded         = admission.CodeOverloaded         // too many connections in all, or too little memory, for one more
	CodeTooManyConnections = admission.CodeTooManyConnections // the client's address has too many
)

var (
	decodeOptions = json.JoinOptions(json.MatchCaseInsensitiveNames(true))
	strictOptions = json.JoinOptions(decodeOptions, json.RejectUnknownMembers(true))
	encodeOptions = json.JoinOptions(json.Deterministic(false))
)

// marshalTo turns a panic of the value's own methods into an error: values are
// encoded on goroutines that serve a client, where nobody else would recover it.
func marshalTo(buf *bytes.Buffer, v any, opts json.Options) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	return json.MarshalWrite(buf, v, opts)
}

func marshalJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	if err := marshalTo(&buf, v, encodeOptions); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// encodePayload encodes v once, into buf unless v is encoded already. With
// binary, []byte leaves the text, and nothing in the rest of it looks like one.
func encodePayload(buf *bytes.Buffer, v any, binary bool, codec JSON) (Payload, error) {
	switch v := v.(type) {
	case Payload:
		if binary || len(v.Attachments) == 0 {
			return v, checkBinary(v)
		}
		return inline(v)
	case stdjson.RawMessage:
		if len(v) == 0 {
			return Payload{JSON: []byte("null")}, nil
		}
	}
	if !binary {
		if err := appendTo(codec, buf, v); err != nil {
			return Payload{}, encodeError(err)
		}
		return Payload{JSON: buf.Bytes()}, nil
	}
	att, err := appendBinary(buf, v)
	if err != nil {
		return Payload{}, encodeError(err)
	}
	p := Payload{JSON: buf.Bytes(), Attachments: att}
	return p, checkBinary(p)
}

func encodeError(err error) error {
	return fmt.Errorf("websockets: payload does not encode as JSON: %w", err)
}

// decodeError words a decode failure for the client: where in the payload, what
// was found, what is expected; never the Go type.
func decodeError(err error) error {
	e := &Error{Message: "Bad payload", Code: CodeBadPayload, Status: http.StatusBadRequest, Err: err}
	if syn, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		switch {
		case errors.Is(syn.Err, jsontext.ErrDuplicateName):
			e.Message += ": " + pointer(syn.JSONPointer) + " is there twice"
		default:
			e.Message += ": not valid JSON"
		}
		return e
	}
	if sem, ok := errors.AsType[*json.SemanticError](err); ok {
		want, got := jsonName(sem.GoType), kindName(sem.JSONKind)
		where := pointer(sem.JSONPointer)
		binary, isBinary := errors.AsType[*binaryError](err)
		switch {
		case isBinary:
			e.Message += ": " + binary.message(where)
		case errors.Is(err, json.ErrUnknownName):
			e.Message += ": " + where + " is unknown"
		case want == "" || got == "":
			e.Message += ": " + where + " does not fit"
		case want == got: // the kind is right, the value is not: out of range, bad base64, bad time
			e.Message += ": " + where + " is out of range or malformed"
		default:
			e.Message += fmt.Sprintf(": %s must be %s, not %s", where, want, got)
		}
	}
	return e
}

func pointer(p jsontext.Pointer) string {
	if p == "" {
		return "the payload"
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", ".")
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return ""
}

// jsonName names the JSON kind that a Go type decodes from.
func jsonName(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return ""
	}
	switch t.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string"
		}
		return "an array"
	default:
		return ""
	}
}
