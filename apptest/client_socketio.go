package apptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/coder/websocket"
)

// sioProtocol is Socket.IO 5 over Engine.IO 4, websocket transport only.
type sioProtocol struct {
	namespace string
	auth      any

	// partial is a packet with missing attachments. Only the reader uses it.
	partial *packet
}

const defaultSocketIOPath = "/socket.io/"

func (p *sioProtocol) target(address string, o *dialOptions) (string, error) {
	u, err := parseTarget(address)
	if err != nil {
		return "", err
	}
	p.auth = o.auth
	p.namespace = o.namespace
	if p.namespace == "" {
		p.namespace = u.Path
	}
	if !strings.HasPrefix(p.namespace, "/") {
		p.namespace = "/" + p.namespace
	}
	u.Path, u.RawPath = defaultSocketIOPath, ""
	if o.path != "" {
		u.Path = o.path
	}
	q := u.Query()
	q.Set("EIO", "4")
	q.Set("transport", "websocket")
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// open performs the handshakes of Engine.IO and of the namespace.
func (p *sioProtocol) open(ctx context.Context, c *Client) error {
	text, err := handshakeFrame(ctx, c)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(text, "0") {
		return fmt.Errorf("the server did not open an Engine.IO connection but sent %.200q", text)
	}
	connect := packet{kind: packetConnect, namespace: p.namespace}
	if p.auth != nil {
		if connect.data, err = encode(p.auth); err != nil {
			return fmt.Errorf("WithAuth: %w", err)
		}
	}
	if err := c.write(connect.frames()...); err != nil {
		return err
	}
	for {
		text, err := handshakeFrame(ctx, c)
		if err != nil {
			return err
		}
		if text == engineNoop || text == enginePing {
			if err := p.heartbeat(c, text); err != nil {
				return err
			}
			continue
		}
		return p.connected(c, text)
	}
}

// connected handles the answer to CONNECT.
func (p *sioProtocol) connected(c *Client, text string) error {
	answer, err := parsePacket(text)
	switch {
	case err != nil:
		return fmt.Errorf("%w; frame: %.200q", err, text)
	case answer.namespace != p.namespace || answer.kind != packetConnect && answer.kind != packetConnectError:
		return fmt.Errorf("the server did not answer CONNECT but sent %.200q", text)
	case answer.kind == packetConnectError:
		body, err := decode[struct {
			Message string
			Data    json.RawMessage
		}](answer.data)
		if err != nil {
			return fmt.Errorf("connect_error: %w; frame: %.200q", err, text)
		}
		return &DialError{Message: body.Message, Data: body.Data}
	}
	body, err := decode[struct{ SID string }](answer.data)
	if err != nil || body.SID == "" {
		return fmt.Errorf("the answer to CONNECT has no sid: %.200q", text)
	}
	c.sid = body.SID
	return nil
}

func handshakeFrame(ctx context.Context, c *Client) (string, error) {
	kind, data, err := c.ws.Read(ctx)
	if err != nil {
		return "", err
	}
	if kind != websocket.MessageText {
		return "", errors.New("the server sent a binary frame during the handshake")
	}
	return string(data), nil
}

func (p *sioProtocol) closeFrames() []frame {
	disconnect := packet{kind: packetDisconnect, namespace: p.namespace}
	return disconnect.frames()
}

func (*sioProtocol) firstID() uint64 { return 0 } // as in the JavaScript client

// closeOf uses the reasons of the JavaScript client.
func (*sioProtocol) closeOf(code int, _ string, closing bool) Close {
	if closing {
		return Close{Code: code, Reason: "io client disconnect"}
	}
	return Close{Code: code, Reason: "transport close"}
}

func (p *sioProtocol) event(name string, args []any, reply bool, id uint64) ([]frame, error) {
	return p.encode(packet{kind: packetEvent, ack: reply, id: id}, append([]any{name}, args...))
}

func (p *sioProtocol) answer(id uint64, v any) ([]frame, error) {
	return p.encode(packet{kind: packetAck, ack: true, id: id}, []any{v})
}

func (p *sioProtocol) encode(out packet, args []any) (_ []frame, err error) {
	out.namespace = p.namespace
	if out.data, out.attachments, err = encodeBinary(args); err != nil {
		return nil, err
	}
	return out.frames(), nil
}

func (p *sioProtocol) heartbeat(c *Client, text string) error {
	if text == engineNoop || c.opts.withoutPong {
		return nil
	}
	// The reader reports the error.
	_ = c.write(textFrame(enginePong))
	return nil
}

func (p *sioProtocol) receive(c *Client, f frame) error {
	if f.binary {
		if p.partial == nil {
			return errors.New("an attachment without a packet")
		}
		p.partial.attachments = append(p.partial.attachments, f.data)
		if len(p.partial.attachments) < p.partial.expected {
			return nil
		}
		in := p.partial
		p.partial = nil
		return p.deliver(c, in)
	}
	switch text := string(f.data); text {
	case enginePing, engineNoop:
		return p.heartbeat(c, text)
	case engineClose:
		return &closedError{Close{Reason: "transport close"}}
	default:
		in, err := parsePacket(text)
		switch {
		case err != nil:
			return err
		case p.partial != nil:
			return errors.New("a packet while attachments are missing")
		case in.expected > 0:
			p.partial = in
			return nil
		default:
			return p.deliver(c, in)
		}
	}
}

// deliver handles a packet with all its attachments.
func (p *sioProtocol) deliver(c *Client, in *packet) error {
	if in.namespace != p.namespace {
		return nil // a namespace of Raw
	}
	switch in.kind {
	case packetDisconnect:
		return &closedError{Close{Reason: "io server disconnect"}}
	case packetEvent, packetAck:
		return p.message(c, in)
	default:
		return errors.New("unexpected answer to CONNECT")
	}
}

func (p *sioProtocol) message(c *Client, in *packet) error {
	text := in.data
	if in.expected > 0 {
		var err error
		if text, err = inline(text, in.attachments); err != nil {
			return err
		}
	}
	args, err := decode[[]json.RawMessage](text)
	if err != nil {
		return err
	}
	m := Message{Attachments: in.attachments, id: in.id}
	if in.kind == packetAck {
		if !in.ack {
			return errors.New("an ack without an id")
		}
		if m.Data, err = payloadOf(args); err != nil {
			return err
		}
		return c.onReply(in.id, m, exceptionIn(args))
	}
	if len(args) == 0 {
		return errors.New("an event without a name")
	}
	if m.Event, err = decode[string](args[0]); err != nil {
		return fmt.Errorf("the name of an event: %w", err)
	}
	if m.Data, err = payloadOf(args[1:]); err != nil {
		return err
	}
	m.reply = in.ack
	c.onEvent(m)
	return nil
}

// exceptionIn returns the exception of an ack, if it is one object with status "error"
// and a message.
func exceptionIn(args []json.RawMessage) *Exception {
	if len(args) != 1 {
		return nil
	}
	// A value that does not decode is an ordinary result.
	if e, err := decode[Exception](args[0]); err == nil && e.Status == "error" && e.Message != "" {
		return &e
	}
	return nil
}
