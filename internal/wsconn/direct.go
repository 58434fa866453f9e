package wsconn

import (
	"bytes"
	"net/http"
	"reflect"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// ofServer reports whether w is net/http's own, so that nothing between the server and Accept waits for
// WriteHeader. There the connection is taken over first, and the answer written to it, which costs less.
func ofServer(w http.ResponseWriter) bool {
	t := reflect.TypeOf(w)
	return t.Kind() == reflect.Pointer && t.Elem().Name() == "response" && t.Elem().PkgPath() == "net/http"
}

// ourHeaders are the headers of the answer that are not those of the ResponseWriter.
var ourHeaders = map[string]bool{
	"Upgrade": true, "Connection": true, "Sec-Websocket-Accept": true, "Sec-Websocket-Protocol": true,
	"Content-Length": true, "Transfer-Encoding": true,
}

// acceptDirect takes over the connection and answers the handshake.
func (c *Conn) acceptDirect(w http.ResponseWriter, key string, deadline time.Time) error {
	if _, err := c.hijack(w); err != nil {
		return err
	}
	buf := getBuffer()
	defer putBuffer(buf)
	b := (*buf)[:0]
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = append(b, rfc6455.AcceptKey(key)...)
	b = append(b, "\r\n"...)
	if c.subprotocol != "" { // a token
		b = append(append(append(b, "Sec-WebSocket-Protocol: "...), c.subprotocol...), "\r\n"...)
	}
	if h := w.Header(); len(h) > 0 {
		rest := bytes.NewBuffer(b)
		_ = h.WriteSubset(rest, ourHeaders) // a Buffer has no errors
		b = rest.Bytes()
	}
	b = append(b, "\r\n"...)
	*buf = b
	nc := c.framed.Conn
	n := 0
	if c.framed.tryWriter != nil {
		if n = c.framed.tryWriter.TryWrite(b); n == len(b) {
			return nil
		}
	}
	_ = nc.SetWriteDeadline(deadline)
	_, err := nc.Write(b[n:])
	_ = nc.SetWriteDeadline(time.Time{})
	return err
}
