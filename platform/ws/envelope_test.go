package ws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/websockets"
)

type decodeCase struct {
	in   string
	want string // "event|id|data" or the error's text
}

func runDecode(t *testing.T, codec Codec, cases []decodeCase) {
	t.Helper()
	for _, tt := range cases {
		e, err := codec.Decode([]byte(tt.in))
		got := e.Event + "|" + string(e.ID) + "|" + string(e.Data)
		if err != nil {
			got = err.Error()
			we, ok := errors.AsType[*websockets.Error](err)
			if !ok || we.Code != websockets.CodeBadMessage {
				t.Errorf("%q: error %#v has no code", tt.in, err)
			}
		}
		if got != tt.want {
			t.Errorf("%.200q:\n got  %s\n want %s", tt.in, got, tt.want)
		}
	}
}

func TestJSONDecode(t *testing.T) {
	const (
		event = "Bad message: the event must be a string that is not empty"
		id    = "Bad message: the id must be a number or a string of at most 64 bytes"
	)
	id62, id63 := strings.Repeat("x", 62), strings.Repeat("x", 63)
	runDecode(t, JSON(), []decodeCase{
		{`{"event":"e","data":{"a":[1,"}"]}}`, `e||{"a":[1,"}"]}`},
		{`{"event":"e"}`, `e||`},
		{`{"event":"e","data":null}`, `e||null`},
		{`{"event":"e","data":null } `, `e||null`},
		{`{"event":"a b'","data":[1,2] , "id":"x"}`, `a b'|"x"|[1,2]`},
		{`{"event":"e","data":1,"id":7,"more":{}}`, `e|7|1`},
		{`{"event":"a\\b","data":1}`, `a\b||1`},
		{`{"event":"é","data":1}`, `é||1`},
		{`{"event":"e","data":1,"id":7}`, `e|7|1`},
		{`{"event":"e","id":"a b","data":0}`, `e|"a b"|0`},
		{" \t{ \"id\" : -1.5e3 ,\r\n\"data\" : \"x\" , \"event\" : \"e\" } \n", `e|-1.5e3|"x"`},
		{`{"x":{"event":"no"},"event":"e","y":[[]],"__proto__":1,"Event":2}`, `e||`},
		{`{"\u0065vent":"a\u0062\n\"é","dat\u0061":1}`, "ab\n\"é||1"},
		{`{"event":"😀","data":"\ud83d\ude00"}`, `😀||"\ud83d\ude00"`},
		{`{"id":1,"data":2}`, `|1|2`},
		{`{"id":1}`, `|1|`},
		{`{"id":1,"error":"no"}`, `|1|{"error":"no"}`},
		{`{"error":{"a":1},"id":1,"data":3}`, `|1|{"error":{"a":1}}`},
		{`{"event":"e","error":1,"data":2}`, `e||2`},
		{`{"event":"e","id":"` + id62 + `"}`, `e|"` + id62 + `"|`},

		{``, `Bad message: not valid JSON, at byte 0`},
		{`hello`, `Bad message: not valid JSON, at byte 0`},
		{`1`, `Bad message: expected an object {"event":…,"data":…}`},
		{`["event","e"]`, `Bad message: expected an object {"event":…,"data":…}`},
		{`null`, `Bad message: expected an object {"event":…,"data":…}`},
		{`{}`, `Bad message: "event" is missing`},
		{`{"data":1}`, `Bad message: "event" is missing`},
		{`{"error":1}`, `Bad message: "event" is missing`},
		{`{"event":""}`, event},
		{`{"event":null,"id":1}`, event},
		{`{"event":1}`, event},
		{`{"event":{"toString":1}}`, event},
		{`{"event":"\ud800"}`, event},
		{"{\"event\":\"\xff\"}", event},
		{`{"event":"e","id":null}`, id},
		{`{"event":"e","id":true}`, id},
		{`{"event":"e","id":{}}`, id},
		{`{"event":"e","id":"` + id63 + `"}`, id},
		{`{"event":"e","id":1` + strings.Repeat("0", 64) + `}`, id},
		{`{"event":"a","event":"b"}`, `Bad message: "event" appears twice`},
		{`{"event":"a","data":1,"\u0064ata":2}`, `Bad message: "data" appears twice`},
		{`{"event":"e"}x`, `Bad message: something follows the object, at byte 13`},
		{`{"event":"e"} {"event":"f"}`, `Bad message: something follows the object, at byte 14`},
		{`{"event":"e","data":{"a":]}}`, `Bad message: not valid JSON, at byte 25`},
		{`{"event":"e","data":01}`, `Bad message: not valid JSON, at byte 21`},
		{`{"event":"e","data":}`, `Bad message: not valid JSON, at byte 20`},
		{`{"event":"e","data":1`, `Bad message: not valid JSON, at byte 21`},
		{`{"event":"e","data":1}}`, `Bad message: something follows the object, at byte 22`},
		{`{"event":"e","data":1,}`, `Bad message: not valid JSON, at byte 22`},
		{`{"event":"e","data":1,"id":}`, `Bad message: not valid JSON, at byte 27`},
		{`{"event":"e","data":1,"event":"f"}`, `Bad message: "event" appears twice`},
		{`{"event":"e","data":1,"data":2}`, `Bad message: "data" appears twice`},
		{`{"event":"","data":1}`, event},
		{`{"event":"e","data":`, `Bad message: not valid JSON, at byte 20`},
		{`{"event":"e","data"`, `Bad message: not valid JSON, at byte 19`},
		{`{"event":"e","data":1 2}`, `Bad message: not valid JSON, at byte 22`},
		{`{"event":"e",}`, `Bad message: not valid JSON, at byte 13`},
		{`{"event":5,"data":[}`, `Bad message: not valid JSON, at byte 19`},
		{`{"event":"e","data":` + strings.Repeat("[", 20_000), `Bad message: nested too deeply, at byte 10020`},
	})
}

func TestJSONArrayDecode(t *testing.T) {
	const event = "Bad message: the event must be a string that is not empty"
	runDecode(t, JSONArray(), []decodeCase{
		{`["e"]`, `e||`},
		{` [ "e" , {"a":1} ] `, `e||{"a":1}`},
		{`["e",null,7]`, `e|7|null`},
		{`["\u0065",1,"x"]`, `e|"x"|1`},
		{`[null,2,1]`, `|1|2`},
		{`[]`, `Bad message: the event is missing`},
		{`[null]`, `Bad message: the event is missing`},
		{`[null,1]`, `Bad message: the event is missing`},
		{`[1]`, event},
		{`[""]`, event},
		{`["e",1,[]]`, `Bad message: the id must be a number or a string of at most 64 bytes`},
		{`["e",1,2,3]`, `Bad message: the array has more than three elements`},
		{`["e",1,2,3`, `Bad message: not valid JSON, at byte 10`},
		{`["e"]]`, `Bad message: something follows the array, at byte 5`},
		{`{"event":"e"}`, `Bad message: expected an array ["event", data]`},
		{`["e",]`, `Bad message: not valid JSON, at byte 5`},
		{`[nul]`, `Bad message: not valid JSON, at byte 1`},
	})
}

func TestAppend(t *testing.T) {
	e := func(event, id, data string) Envelope {
		return Envelope{Event: event, ID: []byte(id), Data: []byte(data)}
	}
	for _, tt := range []struct {
		e             Envelope
		object, array string
	}{
		{Envelope{}, `{}`, `[null]`},
		{Envelope{Event: "e", Re: []byte("5")}, `{"event":"e","re":5}`, `["e"]`},
		{Envelope{Event: "e", Data: []byte("1"), Re: []byte(`"x"`)}, `{"event":"e","data":1,"re":"x"}`, `["e",1]`},
		{Envelope{Re: []byte("5")}, `{"re":5}`, `[null]`},
		{e("e", "", ""), `{"event":"e"}`, `["e"]`},
		{e("e", "", `{"a":1}`), `{"event":"e","data":{"a":1}}`, `["e",{"a":1}]`},
		{e("e", "1", ""), `{"event":"e","id":1}`, `["e",null,1]`},
		{e("exception", `"x"`, "{}"), `{"event":"exception","id":"x","data":{}}`, `["exception",{},"x"]`},
		{e("", "7", "0"), `{"id":7,"data":0}`, `[null,0,7]`},
		{e("", "7", ""), `{"id":7}`, `[null,null,7]`},
		{e("a\"\n\\é\x01", "", ""), `{"event":"a\"\n\\é\u0001"}`, `["a\"\n\\é\u0001"]`},
		{e("\xff", "", ""), "{\"event\":\"\uFFFD\"}", "[\"\uFFFD\"]"},
	} {
		for codec, want := range map[Codec]string{JSON(): tt.object, JSONArray(): tt.array} {
			got, err := codec.Append([]byte("before"), tt.e)
			if err != nil || string(got) != "before"+want {
				t.Errorf("%T: got %s, %v; want %s", codec, got, err, want)
			}
			if !json.Valid(got[len("before"):]) {
				t.Errorf("%T: not JSON: %s", codec, got)
			}
		}
	}
}

func TestDecodeAllocates(t *testing.T) {
	msg := []byte(`{"event":"chat.post","data":{"text":"` + strings.Repeat("x", 4000) + `"},"id":7}`)
	codec := JSON()
	if n := testing.AllocsPerRun(100, func() { _, _ = codec.Decode(msg) }); n > 1 {
		t.Errorf("%v allocations, want one for the event", n)
	}
}

// reference decodes an envelope with encoding/json; ok is false for anything else.
func reference(msg []byte) (e Envelope, ok bool) {
	if !json.Valid(msg) {
		return e, false
	}
	dec := json.NewDecoder(bytes.NewReader(msg))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return e, false
	}
	seen := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		var raw json.RawMessage
		if err != nil || dec.Decode(&raw) != nil {
			return e, false
		}
		switch k := key.(string); k {
		case "event", "id", "data", "error":
			if seen[k] != nil {
				return e, false
			}
			seen[k] = raw
		}
	}
	if raw := seen["event"]; raw != nil {
		if raw[0] != '"' || json.Unmarshal(raw, &e.Event) != nil || e.Event == "" {
			return e, false
		}
	} else if seen["id"] == nil {
		return e, false
	}
	if e.ID = seen["id"]; e.ID != nil && (len(e.ID) > maxID || !strings.ContainsRune(`"-0123456789`, rune(e.ID[0]))) {
		return e, false
	}
	e.Data = seen["data"]
	if seen["event"] == nil && seen["error"] != nil {
		e.Data = fmt.Appendf(nil, `{"error":%s}`, seen["error"])
	}
	return e, true
}

func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{
		`{"event":"e","data":{"a":[1,2.5e-3,"x\n"]},"id":1}`, `{"id":"x","error":null}`, ` {"\u0065vent" : "e" , "x":{}}`,
		`{"event":"e","event":"f"}`, `{"event":"e"}}`, `{"event":"a","data":tru}`, `[1]`, `{"data":"\ud83d\ude00","event":"\u0000"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		got, err := JSON().Decode(msg)
		if _, arrErr := JSONArray().Decode(msg); arrErr == nil && !json.Valid(msg) {
			t.Fatalf("the array codec accepts what is not JSON: %q", msg)
		}
		if err == nil && !json.Valid(msg) {
			t.Fatalf("accepted what is not JSON: %q", msg)
		}
		if !utf8.Valid(msg) || bytes.Contains(bytes.ToLower(msg), []byte(`\ud`)) {
			return // encoding/json replaces what is not Unicode
		}
		want, ok := reference(msg)
		if ok != (err == nil) {
			t.Fatalf("%q: error %v, want one: %v", msg, err, !ok)
		}
		if !ok {
			return
		}
		if got.Event != want.Event || !bytes.Equal(got.ID, want.ID) || !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("%q: got %q %q %q, want %q %q %q", msg, got.Event, got.ID, got.Data, want.Event, want.ID, want.Data)
		}
		again, err := JSON().Append(nil, got)
		if err != nil || !json.Valid(again) {
			t.Fatalf("%q became %q, %v", msg, again, err)
		}
		back, err := JSON().Decode(again)
		if err != nil || back.Event != got.Event || !bytes.Equal(back.Data, got.Data) {
			t.Fatalf("%q was decoded as %q", msg, again)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{20, 4000} {
		msg := []byte(`{"event":"echo","data":{"text":"` + strings.Repeat("abcdefg ", size/8) + `","n":[1,2,3]},"id":7}`)
		b.Run(fmt.Sprint(len(msg)), func(b *testing.B) {
			codec := JSON()
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				if _, err := codec.Decode(msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
