package engineio

import (
	"encoding/base64"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
)

// Over polling, binary messages are text: "b" and base64. A client with the query parameter
// b64, as of the option forceBase64, wants and sends them so over WebSocket too.
// https://socket.io/docs/v4/engine-io-protocol/#http-long-polling-1

// appendBase64 appends a binary message as a packet.
func appendBase64(dst, msg []byte) []byte {
	return base64.StdEncoding.AppendEncode(append(dst, typeBinary), msg)
}

// inBase64 returns the item without binary frames, and its charge.
func inBase64(it wsconn.Item, charge int) (wsconn.Item, int) {
	if it.Frame.Text() && len(it.More) == 0 {
		return it, charge
	}
	out := wsconn.Item{Plain: it.Plain, Frame: frameInBase64(it.Frame)}
	for _, f := range it.More {
		out.More = append(out.More, frameInBase64(f))
	}
	wsconn.FreeAll([]wsconn.Item{it})
	return out, out.Charge()
}

// frameInBase64 returns a text frame of its own memory.
func frameInBase64(f *wsconn.Frame) *wsconn.Frame {
	if f.Text() {
		return wsconn.SealCopy(true, f.Payload())
	}
	n := base64.StdEncoding.EncodedLen(len(f.Payload()))
	buf := make([]byte, wsconn.HeaderRoom, wsconn.HeaderRoom+1+n)
	return wsconn.Seal(true, appendBase64(buf, f.Payload()))
}
