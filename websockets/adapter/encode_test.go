package adapter

import (
	"bytes"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// encodePayload encodes v as Conns get it.
func encodePayload(_ *bytes.Buffer, v any, binary bool, codec websockets.JSON) (websockets.Payload, error) {
	out := NewOutgoing("", v)
	out.codec = codec
	return out.Payload(binary)
}
