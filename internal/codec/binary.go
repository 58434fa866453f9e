package codec

import (
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var bytesType = reflect.TypeFor[[]byte]()

// AppendBinary encodes v and appends it to dst, with each []byte in it as an attachment: in its place is an object
// {"_placeholder":true,"num":0} with the number of the attachment. Named types of bytes, and arrays, are base64 text.
func AppendBinary(dst []byte, v any) (text []byte, attachments [][]byte, err error) {
	if v == nil {
		return append(dst, "null"...), nil, nil
	}
	w := writer{binary: true}
	if b, ok := w.root(planOf(reflect.TypeOf(v)).node, dst, v); ok {
		return b, w.attachments, nil
	}
	return appendBinary(dst, v, nil, encodeOptions)
}

// attach appends a placeholder, or null.
func (w *writer) attach(b, data []byte) []byte {
	if data == nil {
		return append(b, "null"...)
	}
	w.attachments = append(w.attachments, data)
	return appendPlaceholder(b, len(w.attachments)-1)
}

func appendPlaceholder(b []byte, n int) []byte {
	return append(strconv.AppendInt(append(b, `{"_placeholder":true,"num":`...), int64(n), 10), '}')
}

// appendBinary is AppendBinary by the library.
func appendBinary(dst []byte, v any, before [][]byte, opts json.Options) (text []byte, attachments [][]byte, err error) {
	attachments = before
	m := json.MarshalToFunc(func(enc *jsontext.Encoder, data []byte) error {
		if data == nil {
			return enc.WriteToken(jsontext.Null)
		}
		attachments = append(attachments, data)
		return enc.WriteValue(appendPlaceholder(nil, len(attachments)-1))
	})
	b, err := json.Marshal(v, opts, json.WithMarshalers(m))
	if err != nil {
		return dst, before, err
	}
	return append(dst, b...), attachments, nil
}
