package msgpack

import (
	"bytes"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
)

var anyNames = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

func FuzzDecode(f *testing.F) {
	for _, tt := range packets {
		f.Add([]byte(tt.msg))
	}
	for _, s := range []string{"", "\x80", argument("\xd7\x00\x00\x00\x01\x8c\xc2\x51\xf4\x00"), argument("\x82\x07\xd4\x00\x00\xa1a\xc7\x01\x00b"),
		argument("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), argument("\xdd\xff\xff\xff\xff\x01"), argument("\x92\xc4\x01x\x81\xac_placeholder\xc3"),
		argument("\xd6\xff\x65\x92\x00\x80"), "\x83\xa4type\x00\xa4data\xd4\x00\x00\xa3nsp\xa1/"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d := Parser().NewDecoder(packet.Limits{})
		p, err := d.Binary(bytes.Clone(in))
		if (p == nil) != (err != nil) || d.Pending() != nil {
			t.Fatalf("%q: %+v and %v", in, p, err)
		}
		if p == nil {
			return
		}
		text := p.Payload.JSON
		if p.Type == packet.ConnectError || p.Type == packet.Event && packet.Reserved(p.Event) || len(p.Payload.Attachments) > 10 {
			t.Fatalf("%q: accepted as %+v", in, p)
		}
		if len(text) > 0 && !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("%q: payload %q", in, text)
		}
		if most := 6*len(in) + 32*len(p.Payload.Attachments); len(text) > most || p.Payload.Size() > most {
			t.Fatalf("%q: %d bytes became %d", in, len(in), len(text))
		}
		msg, _, _, err := Parser().Append(nil, p, packet.Limits{})
		if err != nil {
			t.Fatalf("%q: %+v does not encode: %v", in, p, err)
		}
		if again, err := decode(string(msg)); err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("%q: %+v became %+v %v by %q", in, p, again, err, msg)
		}
	})
}

func FuzzAppend(f *testing.F) {
	for _, s := range []string{"1", `{"a":[1,2.5,-3,"x\n\ud800",null,true,false]}`, `[` + placeholder0 + `,` + placeholder1 + `]`,
		`{"_placeholder":true,"num":0,"x":[{}]}`, "[", `{"a"`, `"\u`, "1e999", " [ ] ", "18446744073709551615", `[{"\u005fplaceholder":true,"num":1}]`} {
		f.Add([]byte(s), uint8(2))
	}
	f.Fuzz(func(t *testing.T, text []byte, attachments uint8) {
		p := packet.Packet{Type: packet.Event, Namespace: "/", Event: "e"}
		p.Payload.JSON = text
		for i := range attachments % 4 {
			p.Payload.Attachments = append(p.Payload.Attachments, []byte{i})
		}
		msg, _, _, err := Parser().Append(nil, &p, packet.Limits{})
		if err != nil || len(text) == 0 || !jsontext.Value(text).IsValid(anyNames...) {
			return // what is not one JSON value is the caller's fault; it must only not panic
		}
		got, err := Parser().NewDecoder(packet.Limits{Attachments: 1 << 20}).Binary(bytes.Clone(msg))
		switch {
		case err != nil && len(p.Payload.Attachments) > 0: // of objects that look like placeholders
		case err != nil:
			t.Fatalf("%q: sent as %q, which is refused: %v", text, msg, err)
		case len(p.Payload.Attachments) == 0 && !bytes.Equal(canonical(text), canonical(got.Payload.JSON)):
			t.Fatalf("%q became %q by %q", text, got.Payload.JSON, msg)
		}
	})
}

// canonical is the text without space and needless escapes, and with numbers as
// float64: TestNumbersRoundTrip is about larger ones.
func canonical(text []byte) []byte {
	v := jsontext.Value(string(bytes.ToValidUTF8(text, []byte("\ufffd"))))
	if err := v.Format(append(anyNames, jsontext.CanonicalizeRawFloats(true), jsontext.CanonicalizeRawInts(true))...); err != nil || !utf8.Valid(v) {
		return nil
	}
	return v
}
