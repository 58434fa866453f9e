// Package payload encodes and decodes the payloads of messages.
package payload

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

// Raw is an encoded payload: JSON text, and the attachments that placeholders in it refer to.
type Raw struct {
	JSON        []byte
	Attachments [][]byte
}

// Decode stores the payload in the value that v points to; see [websockets.Payload.Decode].
// The error is the client's.
func (p Raw) Decode(v any, o codec.Options) error {
	if len(p.JSON) == 0 {
		return nil
	}
	if done, err := p.decodeRaw(v, o); done {
		return err
	}
	o.Attachments = p.Attachments
	return clientError(codec.Unmarshal(p.JSON, v, o))
}

// DecodeBy is Decode by another codec, if that is the one of encoding/json: others are for handlers only.
func (p Raw) DecodeBy(other JSON, v any) error {
	v1, ok := other.(codec.V1)
	if !ok || len(p.JSON) == 0 {
		return p.Decode(v, codec.Options{})
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return p.Decode(v, codec.Options{})
	}
	d, _ := codec.DecoderOf(t.Elem())
	return p.DecodeInto(v, d, codec.Options{}, v1)
}

// decodeRaw stores the text itself, without a copy, if that is what v points to.
func (p Raw) decodeRaw(v any, o codec.Options) (done bool, err error) {
	raw, ok := v.(*stdjson.RawMessage)
	if !ok || len(p.Attachments) > 0 { // which text cannot hold
		return false, nil
	}
	if !codec.Valid(p.JSON, o) {
		return true, decodeerr.Syntax(decodeerr.Payload, nil)
	}
	*raw = p.JSON
	return true, nil
}

func clientError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, codec.ErrBudget):
		return decodeerr.TooLarge(decodeerr.Payload, err)
	}
	return decodeerr.Of(err, decodeerr.Payload)
}

// Marshal encodes v by the framework's own codec. A panic of its methods is an error: values are
// encoded on goroutines that serve a client, where nothing else would recover it.
func Marshal(v any) (b []byte, err error) {
	defer recovered.Into(&err)
	return codec.Append(nil, v)
}

// Encode encodes v once, into buf. With binary, each []byte in it becomes an attachment,
// and nothing in the rest looks like one. A nil other is the framework's own codec.
func Encode(buf *bytes.Buffer, v any, binary bool, other JSON) (Raw, error) {
	if raw, ok := v.(stdjson.RawMessage); ok && len(raw) == 0 {
		return Raw{JSON: []byte("null")}, nil
	}
	if !binary {
		if err := appendTo(other, buf, v); err != nil {
			return Raw{}, encodeError(err)
		}
		return Raw{JSON: buf.Bytes()}, nil
	}
	att, err := appendBinaryTo(other, buf, v)
	if err != nil {
		return Raw{}, encodeError(err)
	}
	p := Raw{JSON: buf.Bytes(), Attachments: att}
	return p, p.Check()
}

func encodeError(err error) error {
	return fmt.Errorf("websockets: payload does not encode as JSON: %w", err)
}
