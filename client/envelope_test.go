package client

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]struct{ event, id, re, data string }{
		`{"event":"a"}`: {event: "a"},
		` { "event" : "a" , "data" : {"x":[1,"}"]} } `:        {event: "a", data: `{"x":[1,"}"]}`},
		`{"event":"a\u00e9\n","id":7,"data":null}`:            {event: "aé\n", id: "7", data: "null"},
		`{"\u0065vent":"a","re":"7"}`:                         {event: "a", re: `"7"`},
		`{"id":-1.5e3}`:                                       {id: "-1.5e3"},
		`{"id":"x","unknown":{"event":5},"data":"é"}`:         {id: `"x"`, data: `"é"`},
		`{"event":"a","data":1,"event":"b"}`:                  {event: "b", data: "1"},
		`{"event":"` + strings.Repeat("x", 300) + `","id":1}`: {event: strings.Repeat("x", 300), id: "1"},
	} {
		f, ok := parse([]byte(text))
		if got := (struct{ event, id, re, data string }{f.event, string(f.id), string(f.re), string(f.data)}); !ok || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", " ", "{", "{}", "[]", `"a"`, "1", "null", `{"event"}`, `{"event":}`, `{"event":""}`, `{"event":5}`, `{"event":null}`, `{"event":"a"`,
		`{"event":"a",}`, `{"event":"a"}x`, `{"event":"a" "id":1}`, `{"event":"a","id":true}`, `{"event":"a","id":[1]}`, `{"event":"a","re":{}}`,
		`{"event":"a","id":01}`, `{"data":1}`, `{"re":1}`, `{event:"a"}`, `{"event":"a\x"}`, "{\"event\":\"\xff\"}", `{"event":"\ud800"}`,
		`{"id":"` + strings.Repeat("x", 64) + `"}`, `{"event":"a","data":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		if f, ok := parse([]byte(text)); ok {
			t.Errorf("%q is a message: %+v", text, f)
		}
	}
}

func TestAppend(t *testing.T) {
	for got, want := range map[string]string{
		string(appendEvent(nil, "a\"é\xff", []byte(`{}`), 0)):   `{"event":"a\"é�","data":{}}`,
		string(appendEvent(nil, "a", nil, 7)):                   `{"event":"a","id":7}`,
		string(appendAnswer(nil, []byte(`"x"`), []byte("[1]"))): `{"id":"x","data":[1]}`,
		string(appendAnswer(nil, []byte(`5`), nil)):             `{"id":5}`,
		string(appendCancel(nil, 12)):                           `{"cancel":12}`,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzParse: what is a message is JSON, as package json reads it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"event":"a","data":{"x":1},"id":7}`, `{"id":8}`, `{"event":"exception","id":9,"data":{"message":"m","code":"c","details":[1]}}`,
		`{"event":"tick","data":1,"re":7}`, `{"event":"shutdown","data":{"retryAfter":5}}`, `{"\u0065vent":"\ud83d\ude00"}`, ` {"event":"a" , "x":[{}]} `,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := parse(b)
		if !ok {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("%q is no JSON", b)
		}
		for _, part := range [][]byte{m.id, m.re, m.data} {
			if part != nil && !json.Valid(part) {
				t.Errorf("%q of %q is no JSON", part, b)
			}
		}
		requestID(m.id)
		if e := serverError(m.data); e.Error() == "" {
			t.Errorf("an error without a text: %q", b)
		}
		if again, ok := parse(appendEvent(nil, "e"+m.event, m.data, 5)); !ok || again.event != "e"+m.event || string(again.data) != string(m.data) {
			t.Errorf("%q is read as %+v", b, again)
		}
	})
}
