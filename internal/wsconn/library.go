package wsconn

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

// The WebSocket library reads and writes compressed messages, and serves applications
// that ask for its connection. Other connections do without it: its state is as large as
// everything else of a connection, and its reader costs a tenth of a message's time.

// Sizes of the library's buffers. Small ones suffice, because it reads payloads and
// writes frames past them. Only compressed messages are written through them.
const (
	readBuffer    = 512
	writeBuffer   = 256 // more than a control frame, which is thus one write
	deflateBuffer = 4096
)

// Native returns the library's connection, and creates it in the first call. It reads
// from then on. Native returns nil when the library fails.
func (c *Conn) Native() *websocket.Conn {
	if ws := c.lib.Load(); ws != nil {
		return ws
	}
	defer c.wake() // it reads from now on
	c.mu.Lock()
	defer c.mu.Unlock()
	if ws := c.lib.Load(); ws != nil {
		return ws
	}
	// The library creates connections from handshakes only, so it gets a fake one.
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
	ws, err := websocket.Accept(&fakeHandshake{framed: c.framed, header: http.Header{}}, r, c.options(protocols, CompressionOff))
	if err != nil { // it has no reason to
		c.cfg.Logger.Error("the WebSocket library rejected a connection", "client", c.id, "error", err)
		return nil
	}
	ws.SetReadLimit(-1) // the validator and the reader check the size
	c.lib.Store(ws)
	if c.park.state.Load() == parkAsked {
		c.endRead() // the library may read before the reader has noticed
	}
	return ws
}

// options returns the options of the library's handshake.
func (c *Conn) options(protocols []string, mode Compression) *websocket.AcceptOptions {
	return &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the platform has checked the origin
		Subprotocols:       protocols,
		CompressionMode:    mode.mode(),
		OnPingReceived: func(_ context.Context, payload []byte) bool {
			c.onPing(payload)
			return false // the library must not answer
		},
	}
}

// closeLibrary frees what the library holds. The socket is closed before.
func (c *Conn) closeLibrary() {
	if ws := c.lib.Load(); ws != nil {
		_ = ws.CloseNow()
	}
}

// fakeHandshake is a ResponseWriter for a handshake that was answered long ago.
type fakeHandshake struct {
	header http.Header
	framed *framedConn
}

func (p *fakeHandshake) Header() http.Header       { return p.header }
func (*fakeHandshake) Write(b []byte) (int, error) { return len(b), nil }
func (*fakeHandshake) WriteHeader(int)             {}
func (p *fakeHandshake) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.framed, buffers(p.framed, writeBuffer), nil
}

func buffers(w *framedConn, write int) *bufio.ReadWriter {
	return bufio.NewReadWriter(bufio.NewReaderSize(w, readBuffer), bufio.NewWriterSize(w, write))
}
