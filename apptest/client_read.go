package apptest

import (
	"context"
	"errors"

	"github.com/coder/websocket"
)

// read takes what arrives until the connection ends.
func (c *Client) read() {
	for {
		kind, data, err := c.ws.Read(context.Background())
		if err != nil {
			c.onEnd(err)
			return
		}
		f := frame{binary: kind == websocket.MessageBinary, data: data}
		if !f.binary {
			c.update(func() { c.raw = append(c.raw, string(data)) })
		}
		if err := c.proto.receive(c, f); err != nil {
			if end, ok := errors.AsType[*endError](err); ok {
				c.update(func() { c.closed = &end.close })
				_ = c.ws.Close(websocket.StatusNormalClosure, "")
				return
			}
			c.t.Errorf("apptest: the server broke the protocol: %v; frame: %.200q", err, data)
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

// endError is the protocol's own end of the connection.
type endError struct{ close Close }

func (e *endError) Error() string { return e.close.String() }

func (c *Client) onEnd(err error) {
	code, reason := codeAbnormal, ""
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		code, reason = int(closed.Code), closed.Reason
	}
	c.update(func() {
		end := c.proto.ended(code, reason, c.leaving)
		c.closed = &end
	})
}
