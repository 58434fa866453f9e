package websockets

import (
	"context"
	"iter"
	"slices"
)

// Local is the clients of a [Selection] that are connected to this process.
type Local struct{ s Selection }

// To is [Selection.To].
func (l Local) To(rooms ...string) Local { return Local{l.s.To(rooms...)} }

// ToID is [Selection.ToID].
func (l Local) ToID(ids ...string) Local { return Local{l.s.ToID(ids...)} }

// Except is [Selection.Except].
func (l Local) Except(clients ...Client) Local { return Local{l.s.Except(clients...)} }

// ExceptID is [Selection.ExceptID].
func (l Local) ExceptID(ids ...string) Local { return Local{l.s.ExceptID(ids...)} }

// ExceptRooms is [Selection.ExceptRooms].
func (l Local) ExceptRooms(rooms ...string) Local { return Local{l.s.ExceptRooms(rooms...)} }

// Emit is [Selection.Emit].
func (l Local) Emit(ctx context.Context, event string, data any, opts ...EmitOption) error {
	return l.s.Emit(ctx, event, data, opts...)
}

// Call is [Selection.Call].
func (l Local) Call(ctx context.Context, event string, data any, opts ...EmitOption) (Answers, error) {
	return l.s.Call(ctx, event, data, opts...)
}

// Join adds the clients to rooms. A client that is in [MaxRooms] rooms stays out.
func (l Local) Join(rooms ...string) { _ = l.s.Join(context.Background(), rooms...) }

// Leave is [Selection.Leave].
func (l Local) Leave(rooms ...string) { _ = l.s.Leave(context.Background(), rooms...) }

// Disconnect is [Selection.Disconnect].
func (l Local) Disconnect() { _ = l.s.Disconnect(context.Background()) }

// Clients yields the clients, as of the call, in no order.
func (l Local) Clients() iter.Seq[Client] { return slices.Values(l.clients()) }

// Len returns the number of clients.
func (l Local) Len() int { return len(l.clients()) }

func (l Local) clients() []Client {
	if l.s.hub == nil {
		return nil
	}
	return l.s.hub.Clients(l.s.sel)
}
