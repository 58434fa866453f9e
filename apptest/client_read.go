package apptest

import (
	"encoding/json"
	"fmt"
)

// Close codes of RFC 6455.
const (
	codeNormal   = 1000
	codeProtocol = 1002
	codeAbnormal = 1006
)

// read handles packets until the connection closes.
func (c *Client) read() {
	for {
		p, err := c.wire.Receive()
		if p.Text != "" {
			c.mu.Update(func() { c.raw = append(c.raw, p.Text) })
		}
		switch {
		case err != nil && cut(err):
			c.end(Close{Code: codeAbnormal}, 0)
			return
		case err == nil && p.Kind == PacketClose:
			c.end(p.Close, codeNormal)
			return
		case err == nil:
			err = c.receive(p)
		}
		if err != nil {
			c.t.Errorf("apptest: the server violated the protocol: %v", err)
			c.end(Close{Code: codeProtocol, Reason: err.Error()}, codeProtocol)
			return
		}
	}
}

// end ends the connection. answer is the code of the close to send, 0 for none.
func (c *Client) end(end Close, answer int) {
	w, ok := c.wire.(*webSocket)
	c.mu.Lock()
	closing := c.closing
	c.mu.Unlock()
	if ok && closing {
		end = w.closeOf(end.Code, end.Reason, true)
	}
	if !ok && answer != 0 && !closing {
		_ = c.send(Packet{Kind: PacketClose, Close: Close{Code: answer}})
	}
	c.mu.Update(func() { c.closed = &end })
	if ok {
		w.answerClose(answer)
	} else {
		_ = c.wire.NetConn().Close()
	}
}

// receive handles a packet; an error means that the server violated the protocol.
func (c *Client) receive(p Packet) error {
	m := Message{Event: p.Event, Data: p.Data, Attachments: p.Attachments, InReplyTo: p.InReplyTo, reply: p.Reply, id: p.ID}
	switch p.Kind {
	case PacketEvent:
		c.onEvent(m)
	case PacketAnswer:
		if p.Event == "" {
			return c.onReply(p.ID, m, p.Failure)
		}
		failure, err := decode[Exception](p.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Event, err)
		}
		failure.AsEvent = true
		return c.onReply(p.ID, m, &failure)
	case PacketPing:
		if !c.opts.WithoutPong {
			// The next Receive reports the error.
			_ = c.send(Packet{Kind: PacketPong})
		}
	case PacketPong:
		c.mu.Update(func() { c.pongs++ })
	case PacketOther, PacketCancel, PacketRaw, PacketClose:
	}
	return nil
}

// payloadOf returns the payload of arguments: empty, the argument, or an array.
func payloadOf(args []json.RawMessage) (json.RawMessage, error) {
	switch len(args) {
	case 0:
		return nil, nil
	case 1:
		return args[0], nil
	default:
		return json.Marshal(args)
	}
}
