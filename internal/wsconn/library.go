package wsconn

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

// The websocket library reads and writes compressed messages, and is there for users
// who ask for its connection. Other connections do without: what it keeps for each is
// as much as all else, and its reader costs a message a tenth of what it costs at all.

// Buffers between the library and the wire. Small ones suffice: payloads are
// read past the buffer, and frames are written past it. Compressed messages are
// written through it.
const (
	readBuffer    = 512
	writeBuffer   = 256 // more than a control frame, so that each is one write
	deflateBuffer = 4096
)

// Native is the library's connection, which reads from then on.
func (c *Conn) Native() *websocket.Conn {
	if ws := c.lib.Load(); ws != nil {
		return ws
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ws := c.lib.Load(); ws != nil {
		return ws
	}
	// It makes connections from handshakes only, so it is shown one.
	r := &http.Request{Method: http.MethodGet, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{
		"Connection":            {"Upgrade"},
		"Upgrade":               {"websocket"},
		"Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key":     {"AAAAAAAAAAAAAAAAAAAAAA=="},
	}}
	var protocols []string
	if c.subprotocol != "" {
		protocols = []string{c.subprotocol}
		r.Header["Sec-Websocket-Protocol"] = protocols
	}
	ws, err := websocket.Accept(&pretence{wire: c.wire, header: http.Header{}}, r, c.options(protocols, CompressionOff))
	if err != nil { // it has no reason to
		c.cfg.Logger.Error("the websocket library refused a connection", "client", c.id, "error", err)
		return nil
	}
	ws.SetReadLimit(-1) // the inspector and the reader measure
	c.lib.Store(ws)
	return ws
}

// options for the library's handshake.
func (c *Conn) options(protocols []string, mode Compression) *websocket.AcceptOptions {
	return &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the platform has looked at the origin
		Subprotocols:       protocols,
		CompressionMode:    mode.mode(),
		OnPingReceived: func(_ context.Context, payload []byte) bool {
			c.onPing(payload)
			return false // the library is not to answer
		},
	}
}

// closeLibrary lets go of the library's part, when the wire is closed.
func (c *Conn) closeLibrary() {
	if ws := c.lib.Load(); ws != nil {
		_ = ws.CloseNow()
	}
}

// pretence is a ResponseWriter for a handshake that is over.
type pretence struct {
	header http.Header
	wire   *wire
}

func (p *pretence) Header() http.Header       { return p.header }
func (*pretence) Write(b []byte) (int, error) { return len(b), nil }
func (*pretence) WriteHeader(int)             {}
func (p *pretence) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.wire, buffers(p.wire, writeBuffer), nil
}

func buffers(w *wire, write int) *bufio.ReadWriter {
	return bufio.NewReadWriter(bufio.NewReaderSize(w, readBuffer), bufio.NewWriterSize(w, write))
}
