// Package payload encodes and decodes the payloads of messages.
package payload

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
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
			return decodeerr.Syntax(decodeerr.Payload, nil)
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
		return decodeerr.Of(err, decodeerr.Payload)
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
// encoded on goroutines that serve a client, where nothing else would recover it.
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
