package apptest

import (
	"context"
	"iter"
	"net"
	"slices"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// FakeServer is the clients of a [websockets.Server] for unit tests of gateways: it records
// what is sent, and delivers it to its fake clients.
//
//	server := apptest.NewFakeServer(apptest.NewFakeClient("7"))
//	g := NewGateway()
//	g.Server = server.Server()
//	g.Announce(t.Context(), "hello")
//	// server.Sent() is what the gateway emitted, and to which rooms
//
// Its methods are safe for concurrent use.
type FakeServer struct {
	natives []any
	present *roster.Table

	mu      sync.Mutex
	clients []*FakeClient
	sent    []Sent
}

// NewFakeServer returns a server with clients.
func NewFakeServer(clients ...*FakeClient) *FakeServer {
	s := &FakeServer{present: newFakeRoster()}
	for _, c := range clients {
		s.Add(c)
	}
	return s
}

// WithNatives sets what Natives yields.
func (s *FakeServer) WithNatives(natives ...any) *FakeServer {
	s.natives = natives
	return s
}

// Server returns what the gateway's field is set to.
func (s *FakeServer) Server() *websockets.Server {
	return websockets.NewServer(seal.Framework{}, fakeHub{s})
}

// Add connects a client.
func (s *FakeServer) Add(c *FakeClient) {
	c.joins(s.present)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c)
}

// Sent returns what was sent to selections since the last call, including selections without
// clients.
func (s *FakeServer) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

func (s *FakeServer) record(sel core.Selection, event string, data any) Sent {
	x := Sent{event, data, Target{Namespace: sel.Namespace, Rooms: sel.Rooms.Slice(), IDs: sel.IDs.Slice(), ExceptIDs: sel.ExceptIDs.Slice(), ExceptRooms: sel.ExceptRooms.Slice()}}
	s.add(x)
	return x
}

func (s *FakeServer) add(x Sent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, x)
}

func (s *FakeServer) selected(sel core.Selection) []*FakeClient {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*FakeClient
	for _, c := range s.clients {
		if _, closed := c.Closed(); closed {
			continue
		}
		rooms := c.Rooms()
		in := func(names core.Names) bool { return slices.ContainsFunc(rooms, names.Contains) }
		if (!sel.Narrowed || in(sel.Rooms) || sel.IDs.Contains(c.id)) && !sel.ExceptIDs.Contains(c.id) && !in(sel.ExceptRooms) {
			out = append(out, c)
		}
	}
	return out
}

// fakeHub is the framework's side of the server.
type fakeHub struct{ s *FakeServer }

func (h fakeHub) Emit(_ context.Context, sel core.Selection, event string, data any, _ []websockets.EmitOption) error {
	x := h.s.record(sel, event, data)
	for _, c := range h.s.selected(sel) {
		_ = c.record(x) // a client that has left is no error of the sender
	}
	return nil
}

func (h fakeHub) EmitNodes(_ context.Context, event string, data any) error {
	h.s.add(Sent{event, data, Target{Nodes: true}})
	return nil
}

func (h fakeHub) Call(ctx context.Context, sel core.Selection, event string, data any, _ []websockets.EmitOption) (websockets.Answers, error) {
	h.s.record(sel, event, data)
	var a websockets.Answers
	for _, c := range h.s.selected(sel) {
		p, err := c.Call(ctx, event, data)
		if err != nil {
			a.Missing = append(a.Missing, websockets.NoAnswer{ID: c.id, Client: c, Err: err})
		} else {
			a.Answered = append(a.Answered, websockets.Answer[websockets.Payload]{ID: c.id, Client: c, Value: p})
		}
	}
	return a, nil
}

func (h fakeHub) Join(_ context.Context, sel core.Selection, rooms []string) error {
	for _, c := range h.s.selected(sel) {
		_ = c.Join(rooms...)
	}
	return nil
}

func (h fakeHub) Leave(_ context.Context, sel core.Selection, rooms []string) error {
	for _, c := range h.s.selected(sel) {
		c.Leave(rooms...)
	}
	return nil
}

func (h fakeHub) Disconnect(_ context.Context, sel core.Selection) error {
	for _, c := range h.s.selected(sel) {
		c.Disconnect()
	}
	return nil
}

func (h fakeHub) Fetch(_ context.Context, sel core.Selection) (websockets.Fetched, error) {
	var f websockets.Fetched
	for _, c := range h.s.selected(sel) {
		shared, err := pipeline.Share(c, func(pipeline.SharedKey) bool { return true })
		if err != nil {
			return f, err
		}
		f.Clients = append(f.Clients, websockets.Remote{ID: c.id, Platform: c.Platform(), Rooms: c.Rooms(), Shared: shared})
	}
	return f, nil
}

func (h fakeHub) Count(_ context.Context, sel core.Selection) (int, error) {
	return len(h.s.selected(sel)), nil
}

func (h fakeHub) Clients(sel core.Selection) []websockets.Client {
	var out []websockets.Client
	for _, c := range h.s.selected(sel) {
		out = append(out, c)
	}
	return out
}

func (fakeHub) Nodes() []websockets.Node { return []websockets.Node{{ID: "fake"}} }
func (fakeHub) Addr() net.Addr           { return nil }

func (h fakeHub) Natives() iter.Seq[any] { return slices.Values(h.s.natives) }
