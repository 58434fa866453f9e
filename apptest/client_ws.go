package apptest

import (
	"context"
	"encoding/json"
	"errors"
)

// wsProtocol is plain WebSocket: every frame is {"event":…,"data":…,"id":…}.
type wsProtocol struct{}

// wsFrame is a frame in either direction:
//   - event, data: an event
//   - event, data, id: a call, of the client or of the server
//   - id, data: its answer
//   - "exception", data, id: its error
type wsFrame struct {
	Event *string         `json:"event,omitzero"`
	Data  json.RawMessage `json:"data,omitzero"`
	ID    *uint64         `json:"id,omitzero"`
	// Re is the request of an item of a stream, Cancel one whose stream is to end.
	Re     uint64  `json:"re,omitzero"`
	Cancel *uint64 `json:"cancel,omitzero"`
}

func (wsProtocol) target(address string, o *DialConfig) (string, error) {
	switch {
	case o.Auth != nil:
		return "", errors.New("WithAuth is for Socket.IO: use WithHeader or the URL's query")
	case o.Namespace != "":
		return "", errors.New("WithNamespace is for Socket.IO: use the URL or WithPath")
	}
	u, err := parseTarget(address)
	if err != nil {
		return "", err
	}
	if o.Path != "" {
		u.Path, u.RawPath = o.Path, ""
	}
	return u.String(), nil
}

func (wsProtocol) open(context.Context, *webSocket) error { return nil }

func (wsProtocol) closeFrames() []frame { return nil }

func (wsProtocol) closeOf(code int, reason string, _ bool) Close {
	return Close{Code: code, Reason: reason}
}

func (wsProtocol) encode(p Packet) ([]frame, error) {
	out := wsFrame{Data: p.Data}
	switch p.Kind {
	case PacketEvent:
		out.Event = &p.Event
		if p.Reply {
			out.ID = &p.ID
		}
	case PacketAnswer:
		out.ID = &p.ID
	case PacketCancel:
		out.Cancel = &p.ID
	default:
		return nil, errors.ErrUnsupported
	}
	b, err := encode(out)
	return []frame{{data: b}}, err
}

func (wsProtocol) decode(f frame) (Packet, error) {
	if f.binary { // an application may send it natively
		return Packet{Kind: PacketEvent, Attachments: [][]byte{f.data}}, nil
	}
	in, err := decode[wsFrame](f.data)
	if err != nil {
		return Packet{}, err
	}
	p := Packet{Kind: PacketEvent, Data: in.Data, InReplyTo: in.Re}
	if in.ID != nil {
		p.ID = *in.ID
	}
	switch {
	case in.Event == nil && in.ID == nil:
		return p, errors.New("neither event nor id")
	case in.Event == nil:
		p.Kind = PacketAnswer
		return p, nil
	}
	p.Event = *in.Event
	if p.Reply = in.ID != nil; p.Reply && p.Event == exception {
		p.Kind, p.Reply = PacketAnswer, false
	}
	return p, nil
}

const exception = "exception"
