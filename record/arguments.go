package record

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// argumentsOf returns a payload as a client of package apptest sends it.
func argumentsOf(l *Line) ([]any, error) {
	switch {
	case len(l.Payload) == 0:
		return nil, nil
	case !l.Spread:
		return []any{argument{l.Payload, l.Attachments}}, nil
	}
	var args []any
	err := elements(l.Payload, func(e jsontext.Value) error {
		args = append(args, argument{e, l.Attachments})
		return nil
	}, func(byte) {})
	if err != nil {
		return nil, fmt.Errorf("the arguments: %w", err)
	}
	return args, nil
}

// argument is JSON with placeholders of Socket.IO for binary parts, which are sent as []byte.
type argument struct {
	text        jsontext.Value
	attachments [][]byte
}

// MarshalJSONTo implements [json.MarshalerTo].
func (a argument) MarshalJSONTo(enc *jsontext.Encoder) error {
	if len(a.attachments) == 0 {
		return enc.WriteValue(a.text)
	}
	return a.write(enc, a.text)
}

func (a argument) write(enc *jsontext.Encoder, v jsontext.Value) error {
	if part, ok := a.part(v); ok {
		return json.MarshalEncode(enc, part)
	}
	if kind := v.Kind(); kind != '{' && kind != '[' {
		return enc.WriteValue(v)
	}
	var failed error
	token := func(b byte) {
		if failed == nil {
			failed = enc.WriteToken(tokens[b])
		}
	}
	err := elements(v, func(e jsontext.Value) error {
		if failed != nil {
			return failed
		}
		return a.write(enc, e)
	}, token)
	if err == nil {
		err = failed
	}
	return err
}

var tokens = map[byte]jsontext.Token{
	'{': jsontext.BeginObject, '}': jsontext.EndObject, '[': jsontext.BeginArray, ']': jsontext.EndArray,
}

// part returns the binary part that a value stands for.
func (a argument) part(v jsontext.Value) ([]byte, bool) {
	if v.Kind() != '{' || !bytes.Contains(v, []byte(`"_placeholder"`)) {
		return nil, false
	}
	var p struct {
		Placeholder bool `json:"_placeholder"`
		Num         int  `json:"num"`
	}
	if err := json.Unmarshal(v, &p, json.RejectUnknownMembers(true)); err != nil || !p.Placeholder || p.Num < 0 || p.Num >= len(a.attachments) {
		return nil, false
	}
	return a.attachments[p.Num], true
}
