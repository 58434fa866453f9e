package apptest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/coder/websocket"
)

// sioProtocol is Socket.IO 5 over Engine.IO 4, websocket transport only.
type sioProtocol struct {
	namespace string
	auth      any
	resumes   *Client // of WithRecovery

	pid    string // the private id, if the server recovers clients
	offset atomic.Value

	// partial is a packet with missing attachments. Only the reader uses it.
	partial *packet
}

const defaultSocketIOPath = "/socket.io/"

func (p *sioProtocol) target(address string, o *DialConfig) (string, error) {
	u, err := parseTarget(address)
	if err != nil {
		return "", err
	}
	p.auth, p.resumes = o.Auth, o.Resumes
	p.namespace = "/" + strings.TrimPrefix(cmp.Or(o.Namespace, u.Path), "/")
	u.Path, u.RawPath = cmp.Or(o.Path, defaultSocketIOPath), ""
	q := u.Query()
	q.Set("EIO", "4")
	q.Set("transport", "websocket")
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// open performs the handshakes of Engine.IO and of the namespace.
func (p *sioProtocol) open(ctx context.Context, w *webSocket) error {
	text, err := handshakeFrame(ctx, w)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(text, "0") {
		return fmt.Errorf("the server did not open an Engine.IO connection but sent %.200q", text)
	}
	connect := packet{kind: packetConnect, namespace: p.namespace}
	if connect.data, err = p.connectData(); err != nil {
		return err
	}
	if err := w.write(ctx, connect.frames()); err != nil {
		return err
	}
	for {
		text, err := handshakeFrame(ctx, w)
		switch {
		case err != nil:
			return err
		case text == enginePing:
			_ = w.write(ctx, []frame{textFrame(enginePong)}) // the reader reports the error
		case text != engineNoop:
			w.sid, err = p.connected(text)
			return err
		}
	}
}

// connected handles the answer to CONNECT.
func (p *sioProtocol) connected(text string) (sid string, err error) {
	answer, err := parsePacket(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w; frame: %.200q", err, text)
	case answer.namespace != p.namespace || answer.kind != packetConnect && answer.kind != packetConnectError:
		return "", fmt.Errorf("the server did not answer CONNECT but sent %.200q", text)
	case answer.kind == packetConnectError:
		body, err := decode[struct {
			Message string
			Data    json.RawMessage
		}](answer.data)
		if err != nil {
			return "", fmt.Errorf("connect_error: %w; frame: %.200q", err, text)
		}
		return "", &DialError{Message: body.Message, Data: body.Data}
	}
	body, err := decode[struct{ SID, PID string }](answer.data)
	if err != nil || body.SID == "" {
		return "", fmt.Errorf("the answer to CONNECT has no sid: %.200q", text)
	}
	p.pid = body.PID
	return body.SID, nil
}

// connectData returns the payload of CONNECT; nil for none.
func (p *sioProtocol) connectData() (json.RawMessage, error) {
	var data json.RawMessage
	if p.auth != nil {
		var err error
		if data, err = encode(p.auth); err != nil {
			return nil, fmt.Errorf("WithAuth: %w", err)
		}
	}
	if p.resumes == nil {
		return data, nil
	}
	pid, offset := p.resumes.recovery()
	if pid == "" {
		return nil, errors.New("WithRecovery: the server of that client does not recover clients: set Recovery in its options")
	}
	fields := map[string]any{}
	if data != nil {
		auth, err := decode[map[string]json.RawMessage](data)
		if err != nil {
			return nil, fmt.Errorf("WithAuth: %w", err)
		}
		for name, v := range auth {
			fields[name] = v
		}
	}
	fields["pid"] = pid
	if offset != "" {
		fields["offset"] = offset
	}
	return encode(fields)
}

// recovery returns the private id and the offset of the last event that the client has received.
func (c *Client) recovery() (pid, offset string) {
	if w, ok := c.wire.(*webSocket); ok {
		switch p := w.codec.(type) {
		case *sioProtocol:
			offset, _ = p.offset.Load().(string)
			return p.pid, offset
		case *wsProtocol:
			offset, _ = p.pos.Load().(string)
			return p.key, offset
		}
	}
	return "", ""
}

// withoutOffset removes the argument that a server which recovers clients appends to events.
func (p *sioProtocol) withoutOffset(args []json.RawMessage) []json.RawMessage {
	if p.pid == "" || len(args) == 0 {
		return args
	}
	offset, err := decode[string](args[len(args)-1])
	if err != nil {
		return args
	}
	p.offset.Store(offset)
	return args[:len(args)-1]
}

func handshakeFrame(ctx context.Context, w *webSocket) (string, error) {
	kind, data, err := w.read(ctx)
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

// closeOf uses the reasons of the JavaScript client.
func (*sioProtocol) closeOf(code int, _ string, closing bool) Close {
	if closing {
		return Close{Code: code, Reason: "io client disconnect"}
	}
	return Close{Code: code, Reason: "transport close"}
}

func (p *sioProtocol) encode(in Packet) (_ []frame, err error) {
	out, args := packet{namespace: p.namespace, id: in.ID}, in.Args
	switch in.Kind {
	case PacketEvent:
		out.kind, out.ack = packetEvent, in.Reply
		args = append([]any{in.Event}, args...)
	case PacketAnswer:
		out.kind, out.ack = packetAck, true
		if args == nil {
			args = []any{}
		}
	case PacketPong:
		return []frame{textFrame(enginePong)}, nil
	default:
		return nil, errors.ErrUnsupported
	}
	if out.data, out.attachments, err = encodeBinary(args); err != nil {
		return nil, err
	}
	return out.frames(), nil
}

func (p *sioProtocol) decode(f frame) (Packet, error) {
	if f.binary {
		if p.partial == nil {
			return Packet{}, errors.New("an attachment without a packet")
		}
		p.partial.attachments = append(p.partial.attachments, f.data)
		if len(p.partial.attachments) < p.partial.expected {
			return Packet{}, nil
		}
		in := p.partial
		p.partial = nil
		return p.deliver(in)
	}
	switch text := string(f.data); text {
	case enginePing:
		return Packet{Kind: PacketPing}, nil
	case engineNoop:
		return Packet{}, nil
	case engineClose:
		return Packet{Kind: PacketClose, Close: Close{Reason: "transport close"}}, nil
	default:
		in, err := parsePacket(text)
		switch {
		case err != nil:
			return Packet{}, err
		case p.partial != nil:
			return Packet{}, errors.New("a packet while attachments are missing")
		case in.expected > 0:
			p.partial = in
			return Packet{}, nil
		default:
			return p.deliver(in)
		}
	}
}

// deliver handles a packet with all its attachments.
func (p *sioProtocol) deliver(in *packet) (Packet, error) {
	if in.namespace != p.namespace {
		return Packet{}, nil // a namespace of Raw
	}
	switch in.kind {
	case packetDisconnect:
		return Packet{Kind: PacketClose, Close: Close{Reason: "io server disconnect"}}, nil
	case packetEvent, packetAck:
		return p.message(in)
	default:
		return Packet{}, errors.New("unexpected answer to CONNECT")
	}
}

func (p *sioProtocol) message(in *packet) (out Packet, err error) {
	text := in.data
	if in.expected > 0 {
		if text, err = inline(text, in.attachments); err != nil {
			return out, err
		}
	}
	args, err := decode[[]json.RawMessage](text)
	if err != nil {
		return out, err
	}
	out = Packet{Kind: PacketEvent, Attachments: in.attachments, ID: in.id, Reply: in.ack}
	if in.kind == packetAck {
		if !in.ack {
			return out, errors.New("an ack without an id")
		}
		out.Kind, out.Reply, out.Failure = PacketAnswer, false, exceptionIn(args)
		out.Data, err = payloadOf(args)
		return out, err
	}
	if len(args) == 0 {
		return out, errors.New("an event without a name")
	}
	if out.Event, err = decode[string](args[0]); err != nil {
		return out, fmt.Errorf("the name of an event: %w", err)
	}
	out.Data, err = payloadOf(p.withoutOffset(args[1:]))
	return out, err
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
