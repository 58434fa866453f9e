package websockets

import (
	"context"
	"net/http"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Client is one connected client of a gateway. All methods are safe for
// concurrent use, also after the client has left.
//
// It is an interface so that unit tests can fake it: embed Client in a struct,
// write the methods that matter, and pass it with [WithClient].
type Client interface {
	Emitter
	Holder

	// ID is unique and unguessable; on Socket.IO it is the client's socket.id.
	ID() string
	// Namespace is the concrete Socket.IO namespace, "/" or "/chat"; empty on
	// platforms without.
	Namespace() string
	// Platform is the adapter's name: "ws", "socketio".
	Platform() string
	// Request is the HTTP request of the handshake, with PathValue of path and
	// namespace patterns. Its body must not be read. Once HandleConnection of every
	// gateway has returned, it is what the connection keeps: method, URL, path values,
	// Host, addresses, and headers of at most [Limits].KeptHeaders in all; those that do not fit are
	// left out whole, which is logged at debug. TLS state and the values of its context
	// are gone then: store what you need under a [Key].
	Request() *http.Request
	// Auth is what the client sent along with its handshake, at most [Limits].MaxAuth; Decode it.
	Auth() Payload

	// Call emits an event and waits for the client's answer (its ack). Use
	// [NewCall] for a typed one. ctx bounds the wait; without a deadline it ends
	// with the connection. Errors: [ErrClosed], [ErrQueueFull], the error of ctx.
	// Never call it on the same client from a handler that ran out of
	// Concurrency on a message the answer depends on; answers themselves need none.
	Call(ctx context.Context, event string, data any, opts ...EmitOption) (Payload, error)

	// Join puts the client into rooms. Errors: [ErrClosed],
	// [ErrTooManyRooms], [ErrRoomName]; those before are joined then.
	Join(rooms ...string) error
	// Leave takes it out of rooms; rooms it is not in are no error.
	Leave(rooms ...string)
	// Rooms lists the rooms, sorted. In HandleDisconnect they are those that
	// the client was in.
	Rooms() []string

	// Recovered reports whether the client was cut off and has come back in time,
	// on platforms and with options that can tell: it has its ID, rooms and typed
	// values of before, and receives the events that it missed. HandleConnection
	// need not set it up again then; what must be true of every client, such as
	// that its token is still good, it checks as ever.
	Recovered() bool

	// Disconnect ends the connection after what is queued has been sent. It
	// returns at once; HandleDisconnect follows. What the client has sent and no
	// handler has begun with is dropped.
	Disconnect()
	// DisconnectAll ends the whole connection: on Socket.IO the client's other
	// namespaces too, while a client that Disconnect has sent out of its namespace may
	// enter it again. On platforms without namespaces it is Disconnect.
	DisconnectAll()
	// Close is Disconnect with a WebSocket close code and a text of at most 123
	// bytes, where the platform sends them: 1000, 1008, or one of 3000 to 4999 of
	// your own (RFC 6455 §7.4.2). Others, and platforms without, disconnect as ever.
	Close(code int, text string)
	// Context ends when the client disconnects; its cause is then [ErrClosed].
	Context() context.Context
	// Native is the platform's own object; use the typed function of the
	// platform's package instead, such as ws.ConnOf.
	Native() any
}

// ClientFrom gives the client whose message or hook is being handled, from the
// context that the handler was given. It is nil outside of one.
func ClientFrom(ctx context.Context) Client {
	c, _ := pipeline.HolderFrom(ctx).(Client)
	return c
}

// WithClient gives a context from which [ClientFrom] returns c, for unit tests
// that call handlers directly. [pipeline.Value.From] finds the values of c in it.
func WithClient(ctx context.Context, c Client) context.Context {
	return pipeline.WithHolder(ctx, c)
}

// CallEvent is an event that the server sends and the client answers. Make one
// per event, in a package variable.
//
//	var Confirm = websockets.NewCall[Question, Answer]("confirm")
//
//	answer, err := Confirm.Call(ctx, client, Question{"Delete all?"})
type CallEvent[Req, Res any] struct {
	name string
	opts []EmitOption
}

// NewCall describes a call named event that sends a Req and is answered by a Res.
func NewCall[Req, Res any](event string, opts ...EmitOption) CallEvent[Req, Res] {
	return CallEvent[Req, Res]{event, opts}
}

// Name is the event's name on the wire.
func (e CallEvent[Req, Res]) Name() string { return e.name }

// Call sends req to the client and waits for its answer, as [Client.Call] does.
func (e CallEvent[Req, Res]) Call(ctx context.Context, c Client, req Req) (Res, error) {
	var res Res
	p, err := c.Call(ctx, e.name, req, e.opts...)
	if err != nil {
		return res, err
	}
	err = p.Decode(&res)
	return res, err
}
