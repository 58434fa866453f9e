package adapter

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
)

type upload struct {
	Name string   `json:"name"`
	Data []byte   `json:"data"`
	More [][]byte `json:"more"`
	N    int      `json:"n"`
}

func TestPayloadRoundTrip(t *testing.T) {
	in := upload{Name: "a", Data: []byte{0, 255}, More: [][]byte{{1}, nil, {2}}}
	for _, binary := range []bool{false, true} {
		p, err := encodePayload(new(bytes.Buffer), in, binary, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(p.Attachments); got != map[bool]int{false: 0, true: 3}[binary] {
			t.Errorf("binary %t: %d attachments in %s", binary, got, p.JSON)
		}
		var out upload
		if err := p.Decode(&out); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Data, in.Data) || len(out.More) != 3 || !bytes.Equal(out.More[2], []byte{2}) {
			t.Errorf("binary %t: got %+v of %s", binary, out, p.JSON)
		}
	}
}

func TestPayloadOfBytesAlone(t *testing.T) {
	p, err := encodePayload(new(bytes.Buffer), []byte{1, 2}, true, nil)
	if err != nil || string(p.JSON) != `{"_placeholder":true,"num":0}` || len(p.Attachments) != 1 {
		t.Fatalf("%s, %d attachments, %v", p.JSON, len(p.Attachments), err)
	}
	text, err := encodePayload(new(bytes.Buffer), p, false, nil) // passed on raw to a platform without binary
	if err != nil || string(text.JSON) != `"AQI="` {
		t.Errorf("%s, %v", text.JSON, err)
	}
}

func TestDecodeErrorsAreForTheClient(t *testing.T) {
	tests := []struct{ json, want string }{
		{`{"n":"x"}`, "Bad payload: n must be a number, not a string"},
		{`{"n":1.5}`, "Bad payload: n must be a whole number"},
		{`{"n":99999999999999999999}`, "Bad payload: n is out of range"},
		{`{"name":7}`, "Bad payload: name must be a string, not a number"},
		{`[1]`, "Bad payload: the payload must be an object, not an array"},
		{`{"more":[1]}`, "Bad payload: more.0 must be a string, not a number"},
		{`{"n":1,"n":2}`, "Bad payload: n appears twice"},
		{`{"n":`, "Bad payload: not valid JSON"},
		{`{"data":"%"}`, "Bad payload: data must be base64"},
		{`{"data":{"_placeholder":true,"num":0}}`, "Bad payload: data must be a string, not an object"},
	}
	for _, tt := range tests {
		err := websockets.Payload{JSON: []byte(tt.json)}.Decode(new(upload))
		e, ok := errors.AsType[*websockets.Error](err)
		if !ok || e.Message != tt.want || e.Code != websockets.CodeBadPayload {
			t.Errorf("%s: %v\nwant %s", tt.json, err, tt.want)
			continue
		}
		if strings.Contains(e.Message, "websockets.") {
			t.Errorf("%s: the message names a Go type: %s", tt.json, e.Message)
		}
	}
	bad := websockets.Payload{JSON: []byte(`{"data":{"_placeholder":true,"num":1}}`), Attachments: [][]byte{{1}}}
	if err := bad.Decode(new(upload)); err == nil {
		t.Error("a placeholder beyond the attachments is accepted")
	}
}

func TestNoPayloadIsTheZeroValue(t *testing.T) {
	n := 5
	if err := (websockets.Payload{}).Decode(&n); err != nil || n != 5 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestOutgoingEncodesOnce(t *testing.T) {
	out := NewOutgoing("e", map[string]int{"a": 1})
	builds := 0
	for range 3 {
		v, err := out.Frame("codec", false, func(event string, p websockets.Payload) (any, error) {
			builds++
			return event + string(p.JSON), nil
		})
		if err != nil || v != `e{"a":1}` {
			t.Fatal(v, err)
		}
	}
	if builds != 1 {
		t.Errorf("built %d times", builds)
	}
	if _, err := NewOutgoing("e", func() {}).Payload(false); err == nil {
		t.Error("a func encodes")
	}
}
