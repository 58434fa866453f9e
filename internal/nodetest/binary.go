package nodetest

import (
	"encoding/base64"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// encode encodes JSON with []byte as {"$binary": base64}.
func encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true),
		json.WithMarshalers(json.MarshalToFunc(func(enc *jsontext.Encoder, b []byte) error {
			if b == nil {
				return enc.WriteToken(jsontext.Null)
			}
			return enc.WriteValue([]byte(`{"$binary":"` + base64.StdEncoding.EncodeToString(b) + `"}`))
		})))
}

// decode is the inverse of encode. []byte decodes only {"$binary": base64}, so that a
// test notices data that was not sent as binary.
func decode(data []byte, v any) error {
	return json.Unmarshal(data, v, json.MatchCaseInsensitiveNames(true),
		json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, b *[]byte) error {
			text, err := dec.ReadValue()
			if err != nil {
				return err
			}
			if text.Kind() == 'n' {
				*b = nil
				return nil
			}
			var tagged struct {
				Base64 string `json:"$binary"`
			}
			if err := json.Unmarshal(text, &tagged, json.RejectUnknownMembers(true)); err != nil {
				return errors.New("not binary: " + string(text))
			}
			*b, err = base64.StdEncoding.DecodeString(tagged.Base64)
			return err
		})))
}
