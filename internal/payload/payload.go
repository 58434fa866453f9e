// Package payload encodes and decodes the payloads of messages.
package payload

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/jsonpointer"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Raw is an encoded payload: JSON text, and the attachments that placeholders in it refer to.
type Raw struct {
	JSON        []byte
	Attachments [][]byte
}

// Decode stores the payload in the value that v points to; see [websockets.Payload.Decode].
// With strict, names that v does not have are an error.
func (p Raw) Decode(v any, strict bool) error {
	if len(p.JSON) == 0 {
		return nil
	}
	if raw, ok := v.(*stdjson.RawMessage); ok && len(p.Attachments) == 0 {
		if !jsontext.Value(p.JSON).IsValid() {
			return &pipeline.Error{Message: "Bad payload: not valid JSON", Code: pipeline.CodeBadPayload}
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
			err = recovered.New(p)
		}
	}()
	return json.MarshalWrite(buf, v, opts)
}

// Marshal encodes v by the framework's own codec. A panic of its methods is an error.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	if err := marshalTo(&buf, v, encodeOptions); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Encode encodes v once, into buf. With binary, each []byte in it becomes an attachment,
// and nothing in the rest looks like one. A nil codec is the framework's own.
func Encode(buf *bytes.Buffer, v any, binary bool, codec JSON) (Raw, error) {
	if raw, ok := v.(stdjson.RawMessage); ok && len(raw) == 0 {
		return Raw{JSON: []byte("null")}, nil
	}
	if !binary {
		if err := appendTo(codec, buf, v); err != nil {
			return Raw{}, encodeError(err)
		}
		return Raw{JSON: buf.Bytes()}, nil
	}
	att, err := appendBinary(buf, v)
	if err != nil {
		return Raw{}, encodeError(err)
	}
	p := Raw{JSON: buf.Bytes(), Attachments: att}
	return p, p.Check()
}

func encodeError(err error) error {
	return fmt.Errorf("websockets: payload does not encode as JSON: %w", err)
}

// decodeError words a decode failure for the client: where in the payload, what
// was found, what is expected; never the Go type.
func decodeError(err error) error {
	e := &pipeline.Error{Message: "Bad payload", Code: pipeline.CodeBadPayload, Status: http.StatusBadRequest, Err: err}
	if syn, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		switch {
		case errors.Is(syn.Err, jsontext.ErrDuplicateName):
			e.Message += ": " + pointer(syn.JSONPointer) + " appears twice"
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
	return jsonpointer.Dotted(p)
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
