package apptest

import (
	"context"
	"errors"

	"github.com/coder/websocket"
)

// read handles incoming frames until the connection closes.
func (c *Client) read() {
	for {
		kind, data, err := c.ws.Read(context.Background())
		if err != nil {
			c.onReadError(err)
			return
		}
		f := frame{binary: kind == websocket.MessageBinary, data: data}
		if !f.binary {
			c.update(func() { c.raw = append(c.raw, string(data)) })
		}
		if err := c.proto.receive(c, f); err != nil {
			if end, ok := errors.AsType[*closedError](err); ok {
				c.update(func() { c.closed = &end.close })
				_ = c.ws.Close(websocket.StatusNormalClosure, "")
				return
			}
			c.t.Errorf("apptest: the server violated the protocol: %v; frame: %.200q", err, data)
			c.update(func() { c.closed = &Close{Code: codeProtocol, Reason: err.Error()} })
			_ = c.ws.Close(websocket.StatusProtocolError, "")
			return
		}
	}
}

const (
	codeProtocol = 1002
	codeAbnormal = 1006
)

// closedError means that a packet closed the connection.
type closedError struct{ close Close }

func (e *closedError) Error() string { return e.close.String() }

func (c *Client) onReadError(err error) {
	code, reason := codeAbnormal, ""
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		code, reason = int(closed.Code), closed.Reason
	}
	c.update(func() {
		end := c.proto.closeOf(code, reason, c.closing)
		c.closed = &end
	})
}
