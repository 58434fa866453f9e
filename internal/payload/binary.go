package payload

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/internal/placeholder"
)

// decodeBinary decodes a payload with attachments. Each placeholder becomes a []byte
// where the type can hold one, and is an error where it cannot: as JSON it would be
// an object that the client has not sent, and the bytes would be lost.
func (p Raw) decodeBinary(v any, opts json.Options) error {
	b := &binaryDecoder{p: p, places: placeholder.All(p.JSON), dec: jsontext.NewDecoder(bytes.NewBuffer(p.JSON))}
	b.opts = json.JoinOptions(opts, json.WithUnmarshalers(json.UnmarshalFromFunc(b.decode)))
	if err := json.UnmarshalDecode(b.dec, v, b.opts); err != nil {
		return err
	}
	if _, err := b.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return &jsontext.SyntacticError{Err: errors.New("more than one JSON value")}
	}
	return nil
}

// binaryDecoder decodes one payload with attachments.
type binaryDecoder struct {
	p      Raw
	places []placeholder.Place
	dec    *jsontext.Decoder
	opts   json.Options
}

// decode is called for every value before it is decoded; v points to where it goes.
func (b *binaryDecoder) decode(dec *jsontext.Decoder, v any) error {
	if k := dec.PeekKind(); k != '{' && k != '[' {
		return errSkip // decoded as usual
	}
	dst := reflect.ValueOf(v).Elem()
	if dst.Kind() == reflect.Pointer {
		return errSkip // called again for what it points to
	}
	if dec != b.dec {
		return b.decodeNested(dec, v)
	}
	start := b.next()
	if at, ok := placeholder.At(b.places, start); ok {
		return b.store(dst, v, at.Num)
	}
	if _, raw := v.(json.Unmarshaler); raw && readsText(v) && placeholder.Within(b.p.JSON, b.places, start) {
		return &decodeerr.BinaryError{Type: dst.Type()}
	}
	return errSkip
}

// next returns the index of the next value.
func (b *binaryDecoder) next() int {
	i := int(b.dec.InputOffset())
	for i < len(b.p.JSON) && (b.p.JSON[i] <= ' ' || b.p.JSON[i] == ',' || b.p.JSON[i] == ':') {
		i++
	}
	return i
}

// decodeNested decodes from a decoder that a type's own method has made.
func (b *binaryDecoder) decodeNested(dec *jsontext.Decoder, v any) error {
	text, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return Raw{JSON: text, Attachments: b.p.Attachments}.decodeBinary(v, b.opts)
}

// store puts an attachment into dst, which v points to.
func (b *binaryDecoder) store(dst reflect.Value, v any, num int) error {
	if num < 0 || num >= len(b.p.Attachments) {
		return errors.New("no such attachment")
	}
	data := b.p.Attachments[num]
	if data == nil {
		data = []byte{} // an empty attachment is not null
	}
	if _, ok := v.(json.UnmarshalerFrom); ok {
		return errSkip // reads from the decoder, which calls decode again
	}
	t := dst.Type()
	switch {
	case readsText(v):
		return &decodeerr.BinaryError{Type: t}
	case dst.Kind() == reflect.Interface && dst.IsNil() && t.NumMethod() == 0:
		dst.Set(reflect.ValueOf(data))
	case dst.Kind() == reflect.Interface:
		return errSkip // called again for the value in it
	case dst.Kind() == reflect.Slice && isByte(t.Elem()):
		dst.SetBytes(data)
	case dst.Kind() == reflect.Array && isByte(t.Elem()) && dst.Len() == len(data):
		reflect.Copy(dst, reflect.ValueOf(data))
	default:
		return &decodeerr.BinaryError{Type: t, Size: len(data)}
	}
	return b.dec.SkipValue()
}

func isByte(t reflect.Type) bool { return t == reflect.TypeFor[byte]() }

// readsText reports whether a type decodes itself from JSON text, in which binary
// would be lost.
func readsText(v any) bool {
	switch v.(type) {
	case json.UnmarshalerFrom:
		return false
	case json.Unmarshaler, encoding.TextUnmarshaler:
		return true
	}
	return false
}

// appendBinary encodes v into buf, with each []byte as an attachment.
func appendBinary(buf *bytes.Buffer, v any) (attachments [][]byte, err error) {
	m := json.MarshalToFunc(func(enc *jsontext.Encoder, b []byte) error {
		if b == nil {
			return enc.WriteToken(jsontext.Null)
		}
		n := len(attachments)
		attachments = append(attachments, b)
		return enc.WriteValue(fmt.Appendf(nil, `{"_placeholder":true,"num":%d}`, n))
	})
	err = marshalTo(buf, v, json.JoinOptions(encodeOptions, json.WithMarshalers(m)))
	return attachments, err
}

// Check reports an error if a recipient would take anything else in the payload for one
// of its attachments, such as an object with a "_placeholder" that a client has sent as
// data. Without attachments nothing is taken for one.
func (p Raw) Check() error {
	if len(p.Attachments) == 0 {
		return nil
	}
	if err := placeholder.Check(p.JSON, len(p.Attachments)); err != nil {
		return fmt.Errorf("websockets: payload with binary: %w", err)
	}
	return nil
}

// Inline returns the payload as JSON with its attachments as base64 text, for platforms
// without binary. All else stays as it is written.
func (p Raw) Inline() ([]byte, error) {
	if len(p.Attachments) == 0 {
		return p.JSON, nil
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	size := len(p.JSON)
	for _, a := range p.Attachments {
		size += base64.StdEncoding.EncodedLen(len(a))
	}
	text := make([]byte, 0, size)
	from := 0
	for _, at := range placeholder.All(p.JSON) {
		text = append(text, p.JSON[from:at.Start]...)
		text = append(text, '"')
		text = base64.StdEncoding.AppendEncode(text, p.Attachments[at.Num])
		text = append(text, '"')
		from = at.End
	}
	return append(text, p.JSON[from:]...), nil
}
