package msgpack_test

import (
	"fmt"

	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func ExampleParser() {
	p := packet.Packet{Type: packet.Event, Namespace: "/", Event: "say", Payload: websockets.Payload{JSON: []byte(`"hello"`)}}
	b, _, _, err := msgpack.Parser().Append(nil, &p, packet.Limits{})
	fmt.Println(len(b), err)

	back, err := msgpack.Parser().NewDecoder(packet.Limits{}).Binary(b)
	fmt.Println(back.Event, string(back.Payload.JSON), err)
	// Output:
	// 29 <nil>
	// say "hello" <nil>
}

// A server whose clients use socket.io-msgpack-parser.
func ExampleParser_server() {
	platform := socketio.New(socketio.Options{Parser: msgpack.Parser()})
	fmt.Println(platform.Name())
	// Output: socketio
}
