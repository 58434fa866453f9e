package packet_test

import (
	"fmt"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func ExampleParser() {
	p := packet.Packet{Type: packet.Event, Namespace: "/chat", Event: "say", Payload: websockets.Payload{JSON: []byte(`"hello"`)}}
	text, _, _, err := packet.JSON().Append(nil, &p, packet.Limits{})
	fmt.Println(string(text), err)
	// Output: 2/chat,["say","hello"] <nil>
}

func ExampleDecoder() {
	d := packet.JSON().NewDecoder(packet.Limits{})
	p, err := d.Text([]byte(`21["add",1,2]`))
	fmt.Println(p.Event, string(p.Payload.JSON), p.ID, err)
	// Output: add [1,2] 1 <nil>
}
