package codec

import (
	"reflect"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// V1 decodes and encodes as encoding/json does, by the library with its default options for that: no plan is
// used. It differs from encoding/json in its errors, which name the place, in RawMessage, which is not compacted, and in the
// options for binary.
type V1 struct{}

var (
	v1       = jsonv1.DefaultOptionsV1()
	v1Strict = json.JoinOptions(v1, json.RejectUnknownMembers(true))
	modern   = jsonv1.ReportErrorsWithLegacySemantics(false)
)

// Unmarshal stores JSON in what v points to.
func (c V1) Unmarshal(text []byte, v any) error { return c.Decode(text, v, Options{}) }

// Decode is Unmarshal with options, without a budget: see [Decoder.Weigh].
func (V1) Decode(text []byte, v any, o Options) error {
	opts := v1
	if o.Strict {
		opts = v1Strict
	}
	err := decodeV1(text, v, o, opts)
	if t := reflect.TypeOf(v); err != nil && t != nil && t.Kind() == reflect.Pointer {
		// Once more for an error with the place. It is not used for all input: it refuses invalid tags too.
		if better := decodeV1(text, reflect.New(t.Elem()).Interface(), o, json.JoinOptions(opts, modern)); better != nil {
			return better
		}
	}
	return err
}

func decodeV1(text []byte, v any, o Options, opts json.Options) error {
	if len(o.Attachments) > 0 {
		return decodeAttached(text, o.Attachments, v, opts)
	}
	return json.Unmarshal(text, v, opts)
}

// Append encodes v and appends it to dst.
func (V1) Append(dst []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v, v1)
	if err != nil {
		return dst, err
	}
	return append(dst, b...), nil
}

// AppendBinary is Append with each []byte as an attachment, as [AppendBinary] has them.
func (V1) AppendBinary(dst []byte, v any) (text []byte, attachments [][]byte, err error) {
	return appendBinary(dst, v, nil, v1)
}
