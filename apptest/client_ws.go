package apptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
}

func (*wsProtocol) target(address string, o *dialOptions) (string, error) {
	switch {
	case o.auth != nil:
		return "", errors.New("WithAuth is for Socket.IO: use WithHeader or the URL's query")
	case o.namespace != "":
		return "", errors.New("WithNamespace is for Socket.IO: use the URL or WithPath")
	}
	u, err := parseTarget(address)
	if err != nil {
		return "", err
	}
	if o.path != "" {
		u.Path, u.RawPath = o.path, ""
	}
	return u.String(), nil
}

func (*wsProtocol) open(context.Context, *Client) error { return nil }

func (*wsProtocol) closeFrames() []frame { return nil }

func (*wsProtocol) firstID() uint64 { return 1 }

func (*wsProtocol) closeOf(code int, reason string, _ bool) Close {
	return Close{Code: code, Reason: reason}
}

func (*wsProtocol) event(name string, args []any, reply bool, id uint64) ([]frame, error) {
	out := wsFrame{Event: &name}
	if reply {
		out.ID = &id
	}
	var err error
	switch len(args) {
	case 0:
	case 1:
		out.Data, err = encode(args[0])
	default:
		out.Data, err = encode(args)
	}
	if err != nil {
		return nil, err
	}
	return marshalFrame(out)
}

func (*wsProtocol) answer(id uint64, v any) ([]frame, error) {
	data, err := encode(v)
	if err != nil {
		return nil, err
	}
	return marshalFrame(wsFrame{ID: &id, Data: data})
}

func marshalFrame(out wsFrame) ([]frame, error) {
	b, err := encode(out)
	if err != nil {
		return nil, err
	}
	return []frame{{data: b}}, nil
}

func (*wsProtocol) receive(c *Client, f frame) error {
	if f.binary { // an application may send it natively
		c.onEvent(Message{Attachments: [][]byte{f.data}})
		return nil
	}
	in, err := decode[wsFrame](f.data)
	if err != nil {
		return err
	}
	m := Message{Data: in.Data}
	switch {
	case in.Event == nil && in.ID == nil:
		return errors.New("neither event nor id")
	case in.Event == nil:
		m.id = *in.ID
		return c.onReply(m.id, m, nil)
	}
	m.Event = *in.Event
	if in.ID == nil {
		c.onEvent(m)
		return nil
	}
	m.id = *in.ID
	if m.Event != exception {
		m.reply = true
		c.onEvent(m)
		return nil
	}
	failure, err := decode[Exception](m.Data)
	if err != nil {
		return fmt.Errorf("exception: %w", err)
	}
	return c.onReply(m.id, m, &failure)
}

const exception = "exception"
