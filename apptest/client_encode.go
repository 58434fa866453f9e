package apptest

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// encode makes JSON text in which []byte is base64.
func encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true))
}

// encodeBinary makes JSON text in which every []byte is a placeholder for one
// of the attachments.
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

// inline puts attachments back into the text, as base64. Every attachment must
// have exactly one place.
func inline(text []byte, attachments [][]byte) ([]byte, error) {
	dec := stdjson.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // numbers stay as they were written
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	used := make([]bool, len(attachments))
	v, err := fill(v, attachments, used)
	if err != nil {
		return nil, err
	}
	for n, ok := range used {
		if !ok {
			return nil, fmt.Errorf("attachment %d has no placeholder", n)
		}
	}
	var out bytes.Buffer
	enc := stdjson.NewEncoder(&out) // knows the other package's numbers
	enc.SetEscapeHTML(false)
	err = enc.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

func fill(v any, attachments [][]byte, used []bool) (_ any, err error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = fill(v[i], attachments, used); err != nil {
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
			if v[k], err = fill(v[k], attachments, used); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// payloadOf makes one payload of arguments: nothing, the argument, or an array.
func payloadOf(args []stdjson.RawMessage) (stdjson.RawMessage, error) {
	switch len(args) {
	case 0:
		return nil, nil
	case 1:
		return args[0], nil
	default:
		return stdjson.Marshal(args)
	}
}
