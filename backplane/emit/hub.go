package emit

import (
	"context"
	"iter"
	"net"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// hub is what the Server of an emitter calls.
type hub struct{ e *Emitter }

// about sends a message about the selected clients.
func (h hub) about(ctx context.Context, sel core.Selection, m *backplane.Message) error {
	if sel.Empty() || sel.Local {
		return nil
	}
	m.Select = backplane.Selection{
		Endpoints: h.e.keys, Namespace: sel.Namespace, Rooms: sel.Rooms.Slice(), IDs: sel.IDs.Slice(),
		ExceptRooms: sel.ExceptRooms.Slice(), ExceptIDs: sel.ExceptIDs.Slice(),
	}
	return h.e.send(ctx, m)
}

// event returns the message of an event.
func event(kind backplane.Kind, name string, data any, opts []websockets.EmitOption) (*backplane.Message, error) {
	out := adapter.NewOutgoing(name, data)
	defer out.Release(seal.Framework{})
	for _, o := range opts {
		o.ApplyEmit(&out.Options)
	}
	p, err := out.Payload(true)
	if err != nil {
		return nil, err
	}
	m := &backplane.Message{Kind: kind, Event: name, Payload: backplane.Payload(p.Clone())}
	if out.Volatile {
		m.Flags |= backplane.Volatile
	}
	if out.Uncompressed {
		m.Flags |= backplane.Uncompressed
	}
	m.Flags = m.Flags.WithOverflow(uint8(out.Overflow))
	return m, nil
}

func (h hub) Emit(ctx context.Context, sel core.Selection, name string, data any, opts []websockets.EmitOption) error {
	m, err := event(backplane.Event, name, data, opts)
	if err != nil {
		return err
	}
	return h.about(ctx, sel, m)
}

func (h hub) Join(ctx context.Context, sel core.Selection, rooms []string) error {
	return h.about(ctx, sel, &backplane.Message{Kind: backplane.Join, Rooms: rooms})
}

func (h hub) Leave(ctx context.Context, sel core.Selection, rooms []string) error {
	return h.about(ctx, sel, &backplane.Message{Kind: backplane.Leave, Rooms: rooms})
}

func (h hub) Disconnect(ctx context.Context, sel core.Selection) error {
	return h.about(ctx, sel, &backplane.Message{Kind: backplane.Disconnect})
}

func (h hub) EmitNodes(ctx context.Context, name string, data any) error {
	m, err := event(backplane.NodeEvent, name, data, nil)
	if err != nil {
		return err
	}
	m.Select.Endpoints = h.e.keys
	return h.e.send(ctx, m)
}

func (hub) Call(context.Context, core.Selection, string, any, []websockets.EmitOption) (websockets.Answers, error) {
	return websockets.Answers{}, ErrNoAnswers
}

func (hub) Fetch(context.Context, core.Selection) (websockets.Fetched, error) {
	return websockets.Fetched{}, ErrNoAnswers
}

func (hub) Count(context.Context, core.Selection) (int, error) { return 0, ErrNoAnswers }
func (hub) Clients(core.Selection) []websockets.Client         { return nil }
func (hub) Presence() roster.View                              { return nil }
func (hub) Nodes() []websockets.Node                           { return nil }
func (hub) Addr() net.Addr                                     { return nil }
func (hub) Natives() iter.Seq[any]                             { return func(func(any) bool) {} }
