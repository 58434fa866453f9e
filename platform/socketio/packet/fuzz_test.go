package packet

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
	"github.com/go-json-experiment/json/jsontext"
)

var anyNames = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

func isJSON(b []byte) bool {
	end := jsonscan.Value(b, jsonscan.Space(b, 0), jsonscan.MaxDepth)
	return end >= 0 && jsonscan.Space(b, end) == len(b)
}

func FuzzDecode(f *testing.F) {
	for _, tt := range document {
		f.Add([]byte(tt.text))
	}
	for _, s := range []string{"", "4{}", `0/a,{"x":1}`, `2/a,1["e",1,2]`, `31[]`, `62-9[` + placeholder1 + `,` + placeholder0 + `]`,
		`2["\u0000\ud800"]`, "5-", "2[[[[[", `2[-1.5e3,[]]`, `2["e" , {"a":"\"0123456789"} , null ] `, `2["e",` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if utf8.Valid(in) {
			if got, want := isJSON(in), jsontext.Value(in).IsValid(anyNames...); got != want {
				t.Fatalf("JSON %q: %v, want %v", in, got, want)
			}
		}
		p := decodeWith(t, bytes.Clone(in), nil)
		if p == nil {
			return
		}
		if p.Type == ConnectError || p.Type == Event && Reserved(p.Event) || !utf8.Valid(in) {
			t.Fatalf("%q: accepted as %+v", in, p)
		}
		if len(p.Payload.JSON) > 0 && !jsontext.Value(p.Payload.JSON).IsValid(anyNames...) {
			t.Fatalf("%q: payload %q", in, p.Payload.JSON)
		}
		msg, _, attachments, err := JSON().Append(nil, p, Limits{})
		if err != nil {
			t.Fatalf("%q: %+v does not encode: %v", in, p, err)
		}
		if p.Payload.Spread { // the space around arguments is not kept
			p.Payload.JSON = compact(t, p.Payload.JSON)
		}
		again := decodeWith(t, bytes.Clone(msg), attachments)
		if again != nil && again.Payload.Spread {
			again.Payload.JSON = compact(t, again.Payload.JSON)
		}
		if !reflect.DeepEqual(again, p) {
			t.Fatalf("%q: %+v became %+v by %q", in, p, again, msg)
		}
	})
}

func compact(t *testing.T, b []byte) []byte {
	v := jsontext.Value(bytes.Clone(b))
	if err := v.Compact(anyNames...); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	return v
}

// decodeWith adds the missing attachments. It returns nil for a rejected packet.
func decodeWith(t *testing.T, msg []byte, attachments [][]byte) *Packet {
	d := JSON().NewDecoder(Limits{})
	p, err := d.Text(msg)
	for i := 0; d.Pending() != nil; i++ {
		if p != nil || err != nil {
			t.Fatalf("%q: pending with %+v %v", msg, p, err)
		}
		a := []byte{byte(i)}
		if i < len(attachments) {
			a = attachments[i]
		}
		p, err = d.Binary(a)
	}
	if (p == nil) != (err != nil) {
		t.Fatalf("%q: %+v and %v", msg, p, err)
	}
	return p
}
