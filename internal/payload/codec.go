package payload

import (
	"bytes"
	"errors"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

// JSON is [websockets.JSON].
type JSON interface {
	Unmarshal(data []byte, v any) error
	Append(dst []byte, v any) ([]byte, error)
}

// DecodeInto is Decode into a new value of d's type, which v points to. Another codec than the framework's own
// decodes it, where that can do it; nil for none.
func (p Raw) DecodeInto(v any, d *codec.Decoder, o codec.Options, other JSON) error {
	if len(p.JSON) == 0 {
		return nil
	}
	if done, err := p.decodeRaw(v, o); done {
		return err
	}
	if v1, ok := other.(codec.V1); ok {
		if err := d.Weigh(p.JSON, o); err != nil {
			return clientError(err)
		}
		o.Attachments = p.Attachments
		return clientError(v1.Decode(p.JSON, v, o))
	}
	if other == nil || o.Strict || len(p.Attachments) > 0 {
		o.Attachments = p.Attachments
		return clientError(d.Decode(p.JSON, v, o))
	}
	if err := d.Weigh(p.JSON, o); err != nil {
		return clientError(err)
	}
	return clientError(other.Unmarshal(p.JSON, v))
}

// appendBinaryTo is appendTo with each []byte as an attachment.
func appendBinaryTo(other JSON, buf *bytes.Buffer, v any) (attachments [][]byte, err error) {
	defer recovered.Into(&err)
	appendBinary := codec.AppendBinary
	if v1, ok := other.(codec.V1); ok {
		appendBinary = v1.AppendBinary
	}
	b, attachments, err := appendBinary(buf.AvailableBuffer(), v)
	if err == nil {
		*buf = *bytes.NewBuffer(b)
	}
	return attachments, err
}

// appendTo encodes v into buf, which is empty.
func appendTo(other JSON, buf *bytes.Buffer, v any) (err error) {
	defer recovered.Into(&err)
	var b []byte
	if other == nil {
		b, err = codec.Append(buf.AvailableBuffer(), v)
	} else {
		b, err = other.Append(buf.AvailableBuffer(), v)
	}
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return errors.New("the JSON codec returned no value")
	}
	*buf = *bytes.NewBuffer(b)
	return nil
}

// Append encodes v by the encoder of its type and appends it to dst. With an error, dst is of no use.
func Append(dst []byte, v any, e *codec.Encoder) (b []byte, err error) {
	defer func() {
		if err != nil {
			err = encodeError(err)
		}
	}()
	defer recovered.Into(&err)
	return e.Append(dst, v)
}
