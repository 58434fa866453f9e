package apptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/coder/websocket"
)

// wsProtocol is plain WebSocket: every frame is {"event":…,"data":…,"id":…}. With the
// subprotocol gatehouse.v1 the first frame of the server is {"session":…}.
type wsProtocol struct {
	resumes *Client      // of WithRecovery
	key     string       // the private id, if the server recovers clients
	pos     atomic.Value // string: the position of the last event that has one
}

// subprotocolV1 is the framework's own subprotocol.
const subprotocolV1 = "gatehouse.v1"

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
	// Pos is the position of an event that the server keeps.
	Pos string `json:"pos,omitzero"`
}

func (p *wsProtocol) target(address string, o *DialConfig) (string, error) {
	switch {
	case o.Auth != nil:
		return "", errors.New("WithAuth is for Socket.IO: use WithHeader or the URL's query")
	case o.Namespace != "":
		return "", errors.New("WithNamespace is for Socket.IO: use the URL or WithPath")
	}
	if p.resumes = o.Resumes; p.resumes != nil {
		key, pos := p.resumes.recovery()
		if key == "" {
			return "", errors.New("WithRecovery: the server of that client does not recover clients: set Recovery in its options, and connect with WithSubprotocols(\"gatehouse.v1\")")
		}
		others := slices.DeleteFunc(slices.Clone(o.Subprotocols), func(name string) bool { return name == subprotocolV1 })
		o.Subprotocols = append([]string{subprotocolV1, "gatehouse.resume." + key + "." + pos}, others...)
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

// open reads the first frame of gatehouse.v1: the session, or why the client is refused.
func (p *wsProtocol) open(ctx context.Context, w *webSocket) error {
	if !strings.EqualFold(w.ws.Subprotocol(), subprotocolV1) {
		return nil
	}
	_, data, err := w.read(ctx)
	if err != nil {
		return err
	}
	first, err := decode[struct {
		wsFrame

		Session *struct {
			ID, Key, Pos string
			Recovered    bool
		}
	}](data)
	switch {
	case err != nil:
		return fmt.Errorf("%w; frame: %.200q", err, data)
	case first.Session != nil && first.Session.ID != "":
		w.sid, p.key = first.Session.ID, first.Session.Key
		pos := first.Session.Pos
		if first.Session.Recovered && p.resumes != nil { // nothing newer yet
			_, pos = p.resumes.recovery()
		}
		p.pos.Store(pos)
		return nil
	case first.Event == nil || *first.Event != exception:
		return fmt.Errorf("the first frame of %s is neither a session nor an exception: %.200q", subprotocolV1, data)
	}
	_, _, err = w.read(ctx)
	closed, ok := errors.AsType[websocket.CloseError](err)
	if !ok {
		return fmt.Errorf("the server has refused the client and did not close the connection: %w", err)
	}
	status := int(closed.Code) - explainedCode
	if closed.Code == websocket.StatusInternalError {
		status = http.StatusInternalServerError
	}
	refused := newDialError(status, first.Data)
	refused.Data = first.Data
	return refused
}

// explainedCode is the difference between the close code of a refused client and the HTTP status.
const explainedCode = 4000

func (*wsProtocol) closeFrames() []frame { return nil }

func (*wsProtocol) closeOf(code int, reason string, _ bool) Close {
	return Close{Code: code, Reason: reason}
}

func (*wsProtocol) encode(p Packet) ([]frame, error) {
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

func (p *wsProtocol) decode(f frame) (Packet, error) {
	if f.binary { // an application may send it natively
		return Packet{Kind: PacketEvent, Attachments: [][]byte{f.data}}, nil
	}
	in, err := decode[wsFrame](f.data)
	if err != nil {
		return Packet{}, err
	}
	if in.Pos != "" {
		p.pos.Store(in.Pos)
	}
	out := Packet{Kind: PacketEvent, Data: in.Data, InReplyTo: in.Re}
	if in.ID != nil {
		out.ID = *in.ID
	}
	switch {
	case in.Event == nil && in.ID == nil:
		return out, errors.New("neither event nor id")
	case in.Event == nil:
		out.Kind = PacketAnswer
		return out, nil
	}
	out.Event = *in.Event
	if out.Reply = in.ID != nil; out.Reply && out.Event == exception {
		out.Kind, out.Reply = PacketAnswer, false
	}
	return out, nil
}

const exception = "exception"
