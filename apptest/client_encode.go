package apptest

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// encode encodes JSON with []byte as base64.
func encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true))
}

// encodeBinary encodes JSON with a placeholder for each []byte, and returns those as
// attachments.
func encodeBinary(v any) (text []byte, attachments [][]byte, err error) {
	text, err = json.Marshal(v,
		json.Deterministic(true), json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true),
		json.WithMarshalers(json.MarshalToFunc(func(enc *jsontext.Encoder, b []byte) error {
			if b == nil {
				return enc.WriteToken(jsontext.Null)
			}
			attachments = append(attachments, b)
			return enc.WriteValue(fmt.Appendf(nil, `{"_placeholder":true,"num":%d}`, len(attachments)-1))
		})))
	return text, attachments, err
}

// inline replaces the placeholders in text by the attachments, as base64. Each
// attachment needs exactly one placeholder.
func inline(text []byte, attachments [][]byte) ([]byte, error) {
	dec := stdjson.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // keeps the spelling of numbers
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	used := make([]bool, len(attachments))
	v, err := replacePlaceholders(v, attachments, used)
	if err != nil {
		return nil, err
	}
	for n, ok := range used {
		if !ok {
			return nil, fmt.Errorf("attachment %d has no placeholder", n)
		}
	}
	var out bytes.Buffer
	enc := stdjson.NewEncoder(&out) // encodes json.Number
	enc.SetEscapeHTML(false)
	err = enc.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

func replacePlaceholders(v any, attachments [][]byte, used []bool) (_ any, err error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = replacePlaceholders(v[i], attachments, used); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			num, isNumber := v["num"].(stdjson.Number)
			n, err := num.Int64()
			if !isNumber || err != nil || n < 0 || n >= int64(len(attachments)) || used[n] {
				return nil, fmt.Errorf("placeholder for attachment %v of %d", v["num"], len(attachments))
			}
			used[n] = true
			return attachments[n], nil
		}
		for k := range v {
			if v[k], err = replacePlaceholders(v[k], attachments, used); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// encodeArgs encodes arguments as one payload, with []byte as base64.
func encodeArgs(args []any) ([]byte, error) {
	switch len(args) {
	case 0:
		return nil, nil
	case 1:
		return encode(args[0])
	default:
		return encode(args)
	}
}
