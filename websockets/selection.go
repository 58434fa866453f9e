package websockets

import (
	"context"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/core"
)

// Selection selects clients of a [Server], on all nodes. It is a value: methods that narrow
// it return a changed copy.
//
//	g.Server.To("news").Except(sender).Emit(ctx, "posted", post)
//
// Rooms and ids add up: To("a").To("b").ToID("x") selects the clients in a, in b, and x.
// A selection on which To or ToID was called without any name, as by To(nil...), is empty.
// ExceptID and the like remove clients from the result. The zero value selects no clients and
// returns [ErrNoServer].
//
// The errors of Emit, Join, Leave and Disconnect are about the call itself, such as a payload
// that does not encode; they do not wait for clients or other nodes.
type Selection struct {
	hub hub
	sel core.Selection
}

func (s Selection) of(namespace string) Selection {
	s.sel.Namespace = "/" + strings.TrimPrefix(namespace, "/")
	return s
}

// To adds the clients that are in any of the rooms.
func (s Selection) To(rooms ...string) Selection {
	s.sel.Rooms, s.sel.Narrowed = s.sel.Rooms.With(rooms), true
	return s
}

// ToID adds clients by their id, see [Client.ID].
func (s Selection) ToID(ids ...string) Selection {
	s.sel.IDs, s.sel.Narrowed = s.sel.IDs.With(ids), true
	return s
}

// Except removes clients. They are compared by id, so a Client in a struct of yours is that
// client.
func (s Selection) Except(clients ...Client) Selection {
	for _, c := range clients {
		if c != nil {
			id := [1]string{c.ID()}
			s.sel.ExceptIDs = s.sel.ExceptIDs.With(id[:])
		}
	}
	return s
}

// ExceptID removes clients by their id.
func (s Selection) ExceptID(ids ...string) Selection {
	s.sel.ExceptIDs = s.sel.ExceptIDs.With(ids)
	return s
}

// ExceptRooms removes clients that are in any of the rooms.
func (s Selection) ExceptRooms(rooms ...string) Selection {
	s.sel.ExceptRooms = s.sel.ExceptRooms.With(rooms)
	return s
}

// Emit sends an event. It waits for no client: one that has left or is slow is no error.
// ctx carries values for interceptors; that it has ended does not stop the event.
func (s Selection) Emit(ctx context.Context, event string, data any, opts ...EmitOption) error {
	if s.hub == nil {
		return ErrNoServer
	}
	if event == "" {
		return ErrNoEvent
	}
	return s.hub.Emit(ctx, s.sel, event, data, opts)
}

// Call sends an event to each client and waits for the answers, until each has answered, has
// left, or could not be asked, or ctx ends. Without a deadline in ctx it waits for
// Limits.CallTimeout. Missing answers are data, see [Results]. An error means that the payload
// does not encode, or [ErrNoEvent]; no client has been asked then.
func (s Selection) Call(ctx context.Context, event string, data any, opts ...EmitOption) (Answers, error) {
	if s.hub == nil {
		return Answers{}, ErrNoServer
	}
	if event == "" {
		return Answers{}, ErrNoEvent
	}
	return s.hub.Call(ctx, s.sel, event, data, opts)
}

// Join adds the clients to rooms. A client that is in [MaxRooms] rooms stays out.
func (s Selection) Join(ctx context.Context, rooms ...string) error {
	if s.hub == nil {
		return ErrNoServer
	}
	return s.hub.Join(ctx, s.sel, rooms)
}

// Leave removes the clients from rooms, also those that are disconnected and may be recovered
// (see [Client.Recovered]).
func (s Selection) Leave(ctx context.Context, rooms ...string) error {
	if s.hub == nil {
		return ErrNoServer
	}
	return s.hub.Leave(ctx, s.sel, rooms)
}

// Disconnect disconnects the clients, as Client.Disconnect does. Those that are disconnected
// already are not recovered.
func (s Selection) Disconnect(ctx context.Context) error {
	if s.hub == nil {
		return ErrNoServer
	}
	return s.hub.Disconnect(ctx, s.sel)
}

// Fetch returns the clients. Without a deadline in ctx it waits for other nodes for
// Limits.CallTimeout.
func (s Selection) Fetch(ctx context.Context) (Fetched, error) {
	if s.hub == nil {
		return Fetched{}, ErrNoServer
	}
	return s.hub.Fetch(ctx, s.sel)
}

// Count returns the number of clients. An error means that nodes did not answer, and that the
// number is too low; without a backplane it is nil. Without a deadline in ctx it waits for other
// nodes for Limits.CallTimeout.
func (s Selection) Count(ctx context.Context) (int, error) {
	if s.hub == nil {
		return 0, ErrNoServer
	}
	return s.hub.Count(ctx, s.sel)
}

// Local returns the clients of the selection that are connected to this process.
func (s Selection) Local() Local {
	s.sel.Local = true
	return Local{s}
}

// Fetched is the result of [Selection.Fetch].
type Fetched struct {
	Clients []Remote
	// Unreachable are the nodes that did not answer.
	Unreachable []Node
}

// Remote is a client of any node. Act on it with ToID(r.ID).
type Remote struct {
	ID string
	// Node is the id of its node.
	Node      string
	Platform  string
	Namespace string
	// Rooms are sorted.
	Rooms []string
	// Shared are the values of its [Shared] keys.
	Shared SharedValues
}
