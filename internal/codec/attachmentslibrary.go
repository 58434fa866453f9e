package codec

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/placeholder"
)

// BinaryError is the error of binary where a type cannot hold it.
type BinaryError struct {
	Type reflect.Type
	Size int // in bytes
}

func (e *BinaryError) Error() string {
	return fmt.Sprintf("%s cannot hold binary: use []byte or any, or websockets.Payload for the whole message", e.Type)
}

// decodeAttached has the library decode a text with attachments. Each placeholder becomes a []byte where the type can hold
// one, and is an error where it cannot: as JSON it would be an object that the client has not sent, and the bytes would be lost.
func decodeAttached(text []byte, parts [][]byte, v any, opts json.Options) error {
	d := &attachedDecoder{text: text, parts: parts, places: placeholder.All(text), dec: jsontext.NewDecoder(bytes.NewBuffer(text), opts)}
	d.opts = json.JoinOptions(opts, json.WithUnmarshalers(json.UnmarshalFromFunc(d.decode)))
	if err := json.UnmarshalDecode(d.dec, v, d.opts); err != nil {
		return err
	}
	if _, err := d.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return &jsontext.SyntacticError{Err: errors.New("more than one JSON value")}
	}
	return nil
}

// attachedDecoder decodes one text with attachments.
type attachedDecoder struct {
	text   []byte
	parts  [][]byte
	places []placeholder.Place
	dec    *jsontext.Decoder
	opts   json.Options
}

// decode is called for every value before it is decoded; v points to where it goes.
func (d *attachedDecoder) decode(dec *jsontext.Decoder, v any) error {
	if k := dec.PeekKind(); k != '{' && k != '[' {
		return errSkip // decoded as usual
	}
	dst := reflect.ValueOf(v).Elem()
	if dst.Kind() == reflect.Pointer {
		return errSkip // called again for what it points to
	}
	if dec != d.dec {
		return d.decodeNested(dec, v)
	}
	start := d.next()
	if at, ok := placeholder.At(d.places, start); ok {
		return d.store(dst, v, at.Num)
	}
	if _, raw := v.(json.Unmarshaler); raw && readsText(v) && placeholder.Within(d.text, d.places, start) {
		return &BinaryError{Type: dst.Type()}
	}
	return errSkip
}

// next returns the index of the next value.
func (d *attachedDecoder) next() int {
	i := int(d.dec.InputOffset())
	for i < len(d.text) && (d.text[i] <= ' ' || d.text[i] == ',' || d.text[i] == ':') {
		i++
	}
	return i
}

// decodeNested decodes from a decoder that a type's own method has made.
func (d *attachedDecoder) decodeNested(dec *jsontext.Decoder, v any) error {
	text, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return decodeAttached(text, d.parts, v, d.opts)
}

// store puts an attachment into dst, which v points to.
func (d *attachedDecoder) store(dst reflect.Value, v any, num int) error {
	if num < 0 || num >= len(d.parts) {
		return errors.New("no such attachment")
	}
	data := notNil(d.parts[num])
	if _, ok := v.(json.UnmarshalerFrom); ok {
		return errSkip // reads from the decoder, which calls decode again
	}
	t := dst.Type()
	switch {
	case readsText(v):
		return &BinaryError{Type: t}
	case dst.Kind() == reflect.Interface && dst.IsNil() && t.NumMethod() == 0:
		dst.Set(reflect.ValueOf(data))
	case dst.Kind() == reflect.Interface:
		return errSkip // called again for the value in it
	case dst.Kind() == reflect.Slice && t.Elem() == byteType:
		dst.SetBytes(data)
	case dst.Kind() == reflect.Array && t.Elem() == byteType && dst.Len() == len(data):
		reflect.Copy(dst, reflect.ValueOf(data))
	default:
		return &BinaryError{Type: t, Size: len(data)}
	}
	return d.dec.SkipValue()
}

// readsText reports whether a type decodes itself from JSON text, in which binary would be lost.
func readsText(v any) bool {
	switch v.(type) {
	case json.UnmarshalerFrom:
		return false
	case json.Unmarshaler, encoding.TextUnmarshaler:
		return true
	}
	return false
}
