package ws_test

import (
	"bytes"
	"fmt"

	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// lines is a codec for messages "event payload", without ids.
type lines struct{}

func (lines) Text() bool { return true }

func (lines) Decode(msg []byte) (ws.Envelope, error) {
	event, data, _ := bytes.Cut(msg, []byte{' '})
	return ws.Envelope{Event: string(event), Data: data}, nil
}

func (lines) Append(dst []byte, e ws.Envelope) ([]byte, error) {
	return append(append(append(dst, e.Event...), ' '), e.Data...), nil
}

func ExampleCodec() {
	var codec ws.Codec = lines{}
	e, _ := codec.Decode([]byte(`chat.post {"text":"hi"}`))
	fmt.Println(e.Event, string(e.Data))
	b, _ := codec.Append(nil, ws.Envelope{Event: "posted", Data: []byte("1")})
	fmt.Println(string(b))
	_ = ws.New(ws.Options{Codec: codec})
	// Output:
	// chat.post {"text":"hi"}
	// posted 1
}

func ExampleJSON() {
	for _, msg := range []string{
		`{"event":"chat.post","data":{"text":"hi"},"id":7}`,
		`{"id":1,"data":true}`,
		`{"event":"chat.post","data":{"text":"hi"}`,
	} {
		e, err := ws.JSON().Decode([]byte(msg))
		fmt.Printf("%q %s %s %v\n", e.Event, e.ID, e.Data, err)
	}
	// Output:
	// "chat.post" 7 {"text":"hi"} <nil>
	// "" 1 true <nil>
	// "chat.post"  {"text":"hi"} Bad message: not valid JSON, at byte 41
}

func ExampleJSONArray() {
	b, _ := ws.JSONArray().Append(nil, ws.Envelope{Event: "posted", Data: []byte(`{"text":"hi"}`)})
	fmt.Println(string(b))
	b, _ = ws.JSONArray().Append(nil, ws.Envelope{ID: []byte("7"), Data: []byte(`{"seq":1}`)})
	fmt.Println(string(b))
	// Output:
	// ["posted",{"text":"hi"}]
	// [null,{"seq":1},7]
}
