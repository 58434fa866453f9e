package adminui

import (
	"context"
	"encoding/json"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var errReadOnly error = &websockets.Error{Message: "The admin UI is read-only", Code: websockets.CodeForbidden}

// writable is the guard of the actions.
func (g *gateway) writable(context.Context, *pipeline.Call) error {
	if g.admin.opts.ReadOnly {
		return errReadOnly
	}
	return nil
}

// action is what a page wants to be done with clients. Each node does it with its own.
type action struct {
	Kind      string          `json:"kind"`             // the event of the page
	Namespace string          `json:"namespace"`        // of the clients
	Filter    string          `json:"filter,omitempty"` // a room, or the id of a client; empty for all of the namespace
	Room      string          `json:"room,omitempty"`   // to join or leave
	Close     bool            `json:"close,omitempty"`  // of _disconnect: the whole connection
	Event     string          `json:"event,omitempty"`  // to emit
	Args      json.RawMessage `json:"args,omitempty"`   // its arguments, a list
}

func (g *gateway) emit(ctx context.Context, p websockets.Payload) error {
	a := action{Kind: "emit"}
	var rest []json.RawMessage
	if err := arguments(p, &rest, &a.Namespace, &a.Filter, &a.Event); err != nil {
		return err
	}
	args, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	a.Args = args
	return g.act(ctx, a)
}

func (g *gateway) join(ctx context.Context, p websockets.Payload) error {
	a := action{Kind: "join"}
	if err := arguments(p, nil, &a.Namespace, &a.Room, &a.Filter); err != nil {
		return err
	}
	return g.act(ctx, a)
}

func (g *gateway) leave(ctx context.Context, p websockets.Payload) error {
	a := action{Kind: "leave"}
	if err := arguments(p, nil, &a.Namespace, &a.Room, &a.Filter); err != nil {
		return err
	}
	return g.act(ctx, a)
}

func (g *gateway) disconnect(ctx context.Context, p websockets.Payload) error {
	a := action{Kind: "_disconnect"}
	if err := arguments(p, nil, &a.Namespace, &a.Close, &a.Filter); err != nil {
		return err
	}
	return g.act(ctx, a)
}

// arguments decodes the arguments of an event; what the page leaves out stays zero, and further ones go to rest unless it is nil.
func arguments(p websockets.Payload, rest *[]json.RawMessage, into ...any) error {
	bad := &websockets.Error{Message: "The arguments are not those of @socket.io/admin-ui 0.5", Code: websockets.CodeBadPayload}
	var all []json.RawMessage
	if len(p.Attachments) > 0 || !p.Spread || json.Unmarshal(p.JSON, &all) != nil {
		return bad
	}
	for i, arg := range all {
		switch {
		case i >= len(into):
		case json.Unmarshal(arg, into[i]) != nil:
			return bad
		}
	}
	if rest != nil {
		*rest = append([]json.RawMessage{}, all[min(len(into), len(all)):]...)
	}
	return nil
}

// act does an action on all nodes.
func (g *gateway) act(ctx context.Context, a action) error {
	c := websockets.ClientFrom(ctx)
	g.log.InfoContext(ctx, "adminui: action", "kind", a.Kind, "namespace", a.Namespace, "filter", a.Filter, "room", a.Room,
		"event", a.Event, "address", websockets.RemoteAddr(c))
	message, err := json.Marshal(a)
	if err != nil {
		return err
	}
	g.apply(ctx, a)
	return act.Emit(ctx, g.Server, message)
}

// acted is called for an action of another node.
func (g *gateway) acted(ctx context.Context, message json.RawMessage) error {
	if g.admin.opts.ReadOnly {
		return errReadOnly
	}
	var a action
	if err := json.Unmarshal(message, &a); err != nil {
		return err
	}
	g.apply(ctx, a)
	return nil
}

// apply does an action with the clients of this node. Errors of single clients, which leave or are in too many rooms, are no error.
func (g *gateway) apply(ctx context.Context, a action) {
	for _, c := range g.admin.clients.selected(a.Namespace, a.Filter) {
		var err error
		switch a.Kind {
		case "emit":
			err = c.Emit(ctx, a.Event, websockets.Payload{JSON: a.Args, Spread: true})
		case "join":
			err = c.Join(a.Room)
		case "leave":
			c.Leave(a.Room)
		case "_disconnect":
			if a.Close {
				c.DisconnectAll()
			} else {
				c.Disconnect()
			}
		}
		if err != nil {
			g.log.DebugContext(ctx, "adminui: action failed for a client", "kind", a.Kind, "err", err)
		}
	}
}
