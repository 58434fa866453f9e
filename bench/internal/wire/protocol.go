package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Protocol is what a server speaks.
type Protocol int

// The protocols.
const (
	Raw        Protocol = iota // bytes are echoed as they are; messages have their length, 4 bytes, in front
	Plain                      // WebSocket with {"event","data"}
	SocketIO                   // Socket.IO 5 over the WebSocket transport of Engine.IO 4
	Centrifuge                 // the JSON protocol of centrifuge: remote calls, and a channel for broadcasts
)

// Target is the request target at which the protocol is served.
func (p Protocol) Target() string {
	switch p {
	case SocketIO:
		return "/socket.io/?EIO=4&transport=websocket"
	case Centrifuge:
		return "/connection/websocket"
	default:
		return "/"
	}
}

// Append appends a message as it goes on the wire.
func (p Protocol) Append(dst, msg []byte) []byte {
	if p == Raw {
		return append(binary.BigEndian.AppendUint32(dst, uint32(len(msg))), msg...)
	}
	return AppendFrame(dst, Text, msg)
}

// Payload is a JSON object of size bytes: a number and a text. Its number is a
// place that templates fill.
func Payload(size int) (string, error) {
	head, tail := `{"seq":`+seqMark+`,"text":"`, `"}`
	n := size - len(head) - len(tail)
	if n < 0 {
		return "", fmt.Errorf("a payload has at least %d bytes, not %d", len(head)+len(tail), size)
	}
	return head + text(n) + tail, nil
}

// text is words that look chosen at random, always the same.
func text(n int) string {
	const letters = "etaoin shrdlucmf wypvbgkjqxz ETAOINSHRDLU.,0123456789-"
	var b strings.Builder
	x := uint32(1)
	for range n {
		x = x*1664525 + 1013904223
		b.WriteByte(letters[(x>>16)%uint32(len(letters))])
	}
	return b.String()
}

// Echo makes the request of an echo and the reply that is due.
func (p Protocol) Echo(payload string) (request, reply *Template) {
	switch p {
	case SocketIO:
		return newTemplate(p, "42"+idMark+`["echo",`+payload+`]`), newTemplate(p, "43"+idMark+`[`+payload+`]`)
	case Centrifuge:
		return newTemplate(p, `{"id":`+idMark+`,"rpc":{"method":"echo","data":`+payload+`}}`),
			newTemplate(p, `{"id":`+idMark+`,"rpc":{"data":`+payload+`}}`)
	default:
		msg := `{"event":"echo","data":` + payload + `}`
		return newTemplate(p, msg), newTemplate(p, msg)
	}
}

// Shout returns the request of a broadcast and the event that every client must receive.
func (p Protocol) Shout(payload string) (request, event *Template) {
	switch p {
	case SocketIO:
		msg := `42["shout",` + payload + `]`
		return newTemplate(p, msg), newTemplate(p, msg)
	case Centrifuge:
		return newTemplate(p, `{"id":`+idMark+`,"rpc":{"method":"shout","data":`+payload+`}}`),
			newTemplate(p, `{"push":{"channel":"shout","pub":{"data":`+payload+`}}}`)
	default:
		msg := `{"event":"shout","data":` + payload + `}`
		return newTemplate(p, msg), newTemplate(p, msg)
	}
}
