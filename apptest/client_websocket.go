package apptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/coder/websocket"
)

// codec is one of the two wire formats over WebSocket.
type codec interface {
	// target returns the URL of the handshake.
	target(address string, o *DialConfig) (string, error)
	// open completes the handshake.
	open(ctx context.Context, w *webSocket) error
	// encode returns the frames of a packet.
	encode(p Packet) ([]frame, error)
	// decode handles a frame; an error means that the server violated the protocol.
	decode(f frame) (Packet, error)
	// closeFrames returns the frames to send before the close frame.
	closeFrames() []frame
	// closeOf describes the close of the connection.
	closeOf(code int, reason string, closing bool) Close
}

// frame is one WebSocket message.
type frame struct {
	binary bool
	data   []byte
}

func textFrame(s string) frame { return frame{data: []byte(s)} }

// webSocket is the [Wire] of both protocols of this package.
type webSocket struct {
	codec

	ws       *websocket.Conn
	tcp      net.Conn
	ended    atomic.Bool // nothing more can be read from tcp
	response *http.Response
	sid      string
}

// openWebSocket returns a function that connects with a codec.
func openWebSocket(address string, format codec) OpenFunc {
	return func(ctx context.Context, o *DialConfig) (Wire, error) {
		target, err := format.target(address, o)
		if err != nil {
			return nil, err
		}
		w := &webSocket{codec: format}
		if err := w.connect(ctx, target, o); err != nil {
			return nil, err
		}
		if err := format.open(ctx, w); err != nil {
			_ = w.ws.CloseNow()
			return nil, err
		}
		return w, nil
	}
}

// connect performs the WebSocket handshake. Each client has its own transport, so that
// no connection outlives it, and keeps the TCP connection for Abort.
func (w *webSocket) connect(ctx context.Context, target string, o *DialConfig) error {
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   o.TLS,
		Protocols:         new(http.Protocols),
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := o.DialContext(ctx, network, addr)
			if w.tcp = conn; err != nil {
				return nil, err
			}
			return &readConn{conn, &w.ended}, nil
		},
	}
	transport.Protocols.SetHTTP1(true)
	defer transport.CloseIdleConnections()
	rejected := &rejection{next: transport}
	//nolint:bodyclose // Dial closes it
	ws, res, err := websocket.Dial(ctx, target, &websocket.DialOptions{
		HTTPClient:     &http.Client{Transport: rejected, CheckRedirect: noRedirect},
		HTTPHeader:     o.Header,
		Host:           o.Header.Get("Host"),
		Subprotocols:   o.Subprotocols,
		OnPingReceived: func(context.Context, []byte) bool { return !o.WithoutPong },
	})
	if err != nil {
		if rejected.err != nil {
			return rejected.err
		}
		return err
	}
	ws.SetReadLimit(-1)
	w.ws, w.response = ws, res
	return nil
}

// NetConn implements [Wire].
func (w *webSocket) NetConn() net.Conn { return w.tcp }

// Send implements [Wire].
func (w *webSocket) Send(ctx context.Context, p Packet) error {
	switch {
	case p.Kind == PacketClose:
		_ = w.write(ctx, w.closeFrames())
		return w.ws.Close(websocket.StatusCode(p.Close.Code), p.Close.Reason)
	case p.Kind == PacketRaw && len(p.Attachments) > 0:
		return w.write(ctx, []frame{{binary: true, data: p.Attachments[0]}})
	case p.Kind == PacketRaw:
		return w.write(ctx, []frame{textFrame(p.Text)})
	}
	frames, err := w.encode(p)
	if err != nil {
		return err
	}
	return w.write(ctx, frames)
}

func (w *webSocket) write(ctx context.Context, frames []frame) error {
	for _, f := range frames {
		kind := websocket.MessageText
		if f.binary {
			kind = websocket.MessageBinary
		}
		if err := w.ws.Write(ctx, kind, f.data); err != nil {
			return err
		}
	}
	return nil
}

// read returns the next message. The library takes the payload of a frame that is cut off at its start for the
// end of the message, and returns it without an error.
func (w *webSocket) read(ctx context.Context) (websocket.MessageType, []byte, error) {
	kind, data, err := w.ws.Read(ctx)
	if err == nil && w.ended.Load() { // the library does not read past the end of a message
		err = io.ErrUnexpectedEOF
	}
	return kind, data, err
}

// readConn notes that reading has failed.
type readConn struct {
	net.Conn
	failed *atomic.Bool
}

func (c *readConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.failed.Store(true)
	}
	return n, err
}

// Receive implements [Wire].
func (w *webSocket) Receive() (Packet, error) {
	kind, data, err := w.read(context.Background())
	if err != nil {
		p := Packet{Kind: PacketClose, Close: Close{Code: codeAbnormal}}
		if closed, ok := errors.AsType[websocket.CloseError](err); ok {
			p.Close = Close{Code: int(closed.Code), Reason: closed.Reason}
		}
		p.Close = w.closeOf(p.Close.Code, p.Close.Reason, false)
		return p, nil
	}
	f := frame{binary: kind == websocket.MessageBinary, data: data}
	p, err := w.decode(f)
	if err != nil {
		err = fmt.Errorf("%v; frame: %.200q", err, data) //nolint:errorlint // not the end of the connection, which io.EOF would be
	}
	if !f.binary {
		p.Text = string(data)
	}
	return p, err
}

// answerClose closes a WebSocket that the server has closed, or the protocol above it.
func (w *webSocket) answerClose(code int) {
	_ = w.ws.Close(websocket.StatusCode(code), "")
	_ = w.ws.CloseNow()
}
