package payload

import (
	"bytes"
	"errors"

	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

// JSON is [websockets.JSON].
type JSON interface {
	Unmarshal(data []byte, v any) error
	Append(dst []byte, v any) ([]byte, error)
}

// DecodeWith is Decode by a codec, where that can do it; nil is the framework's own.
func (p Raw) DecodeWith(codec JSON, v any, strict bool) error {
	if codec == nil || strict || len(p.JSON) == 0 || len(p.Attachments) > 0 || isRaw(v) {
		return p.Decode(v, strict)
	}
	err := codec.Unmarshal(p.JSON, v)
	if err == nil {
		return nil
	}
	return decodeerr.Of(err, decodeerr.Payload)
}

// appendTo encodes v into buf.
func appendTo(codec JSON, buf *bytes.Buffer, v any) (err error) {
	if codec == nil {
		return marshalTo(buf, v, encodeOptions)
	}
	defer func() {
		if p := recover(); p != nil {
			err = recovered.New(p)
		}
	}()
	b, err := codec.Append(buf.AvailableBuffer(), v)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return errors.New("the JSON codec returned no value")
	}
	buf.Write(b)
	return nil
}
