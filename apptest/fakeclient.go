package apptest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Sent is something that was sent to a fake client or by a fake server.
type Sent struct {
	Event string
	Data  any
	// To is the selection of a server's event; the zero value is all clients, and that of
	// an event to one client.
	To Target
}

// Target is the selection of clients that something was sent to.
type Target struct {
	Namespace                          string
	Rooms, IDs, ExceptIDs, ExceptRooms []string
	// Nodes reports an event of [websockets.NodeEvent], for the other nodes.
	Nodes bool
}

// FakeClient is a [websockets.Client] for unit tests of handlers and hooks: it records what
// it is sent. Set its fields before it is used.
//
//	c := apptest.NewFakeClient("7")
//	err := g.Join(websockets.WithClient(t.Context(), c), "news")
//	// c.Rooms() is [news], c.Sent() what the handler emitted
//
// Its methods are safe for concurrent use.
type FakeClient struct {
	// OnCall answers calls. nil returns ErrClosed.
	OnCall func(event string, data any) (answer any, err error)
	// HTTPRequest is that of the handshake. Default: GET /.
	HTTPRequest *http.Request
	// AuthPayload is what the client sent with its handshake.
	AuthPayload websockets.Payload
	// MaxRooms is in how many rooms it may be, as with [websockets.MaxRooms] of the gateway. Default 1,000.
	MaxRooms int

	id          string
	connectedAt time.Time
	values      websockets.Values
	ctx         context.Context
	cancel      context.CancelCauseFunc

	mu     sync.Mutex
	rooms  []string
	sent   []Sent
	closed *websockets.Reason

	present *roster.Table // of its server; nil until one is needed
}

var _ websockets.Client = (*FakeClient)(nil)

// NewFakeClient returns a connected client.
func NewFakeClient(id string) *FakeClient {
	c := &FakeClient{id: id, connectedAt: time.Now(), HTTPRequest: httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)}
	c.ctx, c.cancel = context.WithCancelCause(websockets.WithClient(context.Background(), c))
	return c
}

// Sent returns what the client was sent since the last call.
func (c *FakeClient) Sent() []Sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.sent
	c.sent = nil
	return sent
}

// Closed returns how the client was disconnected by the server; false when it was not.
func (c *FakeClient) Closed() (websockets.Reason, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		return websockets.Reason{}, false
	}
	return *c.closed, true
}

// ID implements [websockets.Client].
func (c *FakeClient) ID() string { return c.id }

// Namespace implements [websockets.Client].
func (*FakeClient) Namespace() string { return "" }

// Platform implements [websockets.Client]; it is "fake".
func (*FakeClient) Platform() string { return "fake" }

// Request implements [websockets.Client].
func (c *FakeClient) Request() *http.Request { return c.HTTPRequest }

// Auth implements [websockets.Client].
func (c *FakeClient) Auth() websockets.Payload { return c.AuthPayload }

// Values implements [websockets.Client].
func (c *FakeClient) Values() *websockets.Values { return &c.values }

// Context implements [websockets.Client].
func (c *FakeClient) Context() context.Context { return c.ctx }

// Recovered implements [websockets.Client].
func (*FakeClient) Recovered() bool { return false }

// Transport implements [websockets.Client]: it is "websocket".
func (*FakeClient) Transport() string { return "websocket" }

// ConnectedAt implements [websockets.Client]: it is when the client was made.
func (c *FakeClient) ConnectedAt() time.Time { return c.connectedAt }

// Native implements [websockets.Client].
func (*FakeClient) Native() any { return nil }

// Sealed implements [websockets.Client].
func (*FakeClient) Sealed(seal.Framework) {}

// Emit records the event. Errors: ErrClosed after Disconnect, ErrNoEvent.
func (c *FakeClient) Emit(_ context.Context, event string, data any, _ ...websockets.EmitOption) error {
	return c.record(Sent{Event: event, Data: data})
}

func (c *FakeClient) record(s Sent) error {
	if s.Event == "" {
		return websockets.ErrNoEvent
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return websockets.ErrClosed
	}
	c.sent = append(c.sent, s)
	return nil
}

// Call records the event and returns what OnCall answers.
func (c *FakeClient) Call(_ context.Context, event string, data any, _ ...websockets.EmitOption) (websockets.Payload, error) {
	if err := c.record(Sent{Event: event, Data: data}); err != nil {
		return websockets.Payload{}, err
	}
	if c.OnCall == nil {
		return websockets.Payload{}, websockets.ErrClosed
	}
	answer, err := c.OnCall(event, data)
	if err != nil {
		return websockets.Payload{}, err
	}
	b, err := json.Marshal(answer)
	if err != nil {
		return websockets.Payload{}, fmt.Errorf("apptest: answer to %q: %w", event, err)
	}
	return websockets.Payload{JSON: b}, nil
}

// The limits of a client that has none of its own: the default of websockets.MaxRooms, and the bytes of a room's name.
const (
	defaultMaxRooms = 1000
	maxRoomName     = 1024
)

// Join implements [websockets.Client], with its errors.
func (c *FakeClient) Join(rooms ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return websockets.ErrClosed
	}
	defer func() { slices.Sort(c.rooms) }() // those before one that fails are joined
	for _, r := range rooms {
		switch {
		case slices.Contains(c.rooms, r):
		case len(r) > maxRoomName:
			return websockets.ErrRoomName
		case len(c.rooms) >= cmp.Or(c.MaxRooms, defaultMaxRooms):
			return websockets.ErrTooManyRooms
		default:
			c.rooms = append(c.rooms, r)
		}
	}
	return nil
}

// Leave implements [websockets.Client].
func (c *FakeClient) Leave(rooms ...string) {
	c.mu.Lock()
	c.rooms = slices.DeleteFunc(c.rooms, func(r string) bool { return slices.Contains(rooms, r) })
	c.mu.Unlock()
	c.table().Leave(c.id, "", rooms)
}

// Rooms implements [websockets.Client].
func (c *FakeClient) Rooms() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.rooms)
}

// Disconnect implements [websockets.Client]: Context ends, Closed reports it.
func (c *FakeClient) Disconnect() {
	c.close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
}

// DisconnectAll is Disconnect.
func (c *FakeClient) DisconnectAll() { c.Disconnect() }

// Close implements [websockets.Client].
func (c *FakeClient) Close(code int, text string) {
	c.close(websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: code, Text: text})
}

func (c *FakeClient) close(r websockets.Reason) {
	c.mu.Lock()
	if c.closed == nil {
		c.closed = &r
	}
	c.mu.Unlock()
	c.table().Gone(c.id)
	c.cancel(websockets.ErrClosed)
}

func (c *FakeClient) in(room string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.rooms, room)
}

// table returns the presence of the client's server.
func (c *FakeClient) table() *roster.Table {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.present == nil {
		c.present = newFakeRoster()
	}
	return c.present
}

// joins sets the client's server, before anything is tracked.
func (c *FakeClient) joins(t *roster.Table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present = t
}
