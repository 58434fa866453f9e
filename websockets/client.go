package websockets

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Client is one connected client of a gateway. All methods are safe for
// concurrent use, also after the client has left.
//
// Unit tests get a fake from package apptest. To extend it in an application, embed Client in
// a struct of yours.
type Client interface {
	Emitter
	// Call sends an event and waits for the client's answer (its ack). Prefer
	// [CallEvent.Call], which checks types. Without a deadline in ctx it waits for
	// Limits.CallTimeout. Errors: [ErrClosed], [ErrNoEvent], [ErrQueueFull], [ErrTooManyCalls],
	// the cause of ctx. A handler that waits for an answer blocks the client's next messages, not its
	// answers.
	Caller
	Holder

	// ID is unique and unguessable; on Socket.IO it is the client's socket.id.
	ID() string
	// Namespace is the concrete Socket.IO namespace, "/" or "/chat"; empty on
	// platforms without.
	Namespace() string
	// Platform is the adapter's name: "ws", "socketio".
	Platform() string
	// Transport is how the client is connected at this moment: "websocket", or "polling" on
	// platforms that have it.
	Transport() string
	// ConnectedAt is when the client was admitted.
	ConnectedAt() time.Time
	// Request is the HTTP request of the handshake, with PathValue of path and
	// namespace patterns. Its body must not be read. Once HandleConnection of every
	// gateway has returned, it is what the connection keeps: method, URL, path values,
	// Host, addresses, and headers of at most [Limits].KeptHeaders in all; those that do not fit are
	// left out whole, which is logged at debug. TLS state and the values of its context
	// are gone then: store what you need under a [Key]. It is then made of a compact copy when
	// it is asked for: do not change it, the next call may return another one.
	Request() *http.Request
	// Auth is what the client sent along with its handshake, at most [Limits].MaxAuth; Decode it.
	Auth() Payload

	// Join puts the client into rooms. Errors: [ErrClosed],
	// [ErrTooManyRooms], [ErrRoomName]; those before are joined then.
	Join(rooms ...string) error
	// Leave takes it out of rooms; rooms it is not in are no error.
	Leave(rooms ...string)
	// Rooms lists the rooms, sorted. In HandleDisconnect they are those that
	// the client was in.
	Rooms() []string

	// Recovered reports whether the client has reconnected in time after a lost
	// connection, on platforms and with options that support it. It keeps its ID, rooms
	// and typed values, and receives the events that it missed. HandleConnection need not
	// restore them, but must repeat checks such as that of the token.
	Recovered() bool

	// Disconnect ends the connection after the queued messages have been sent. It
	// returns at once; HandleDisconnect follows. Received messages whose handler has
	// not started are dropped.
	Disconnect()
	// DisconnectAll ends the whole connection, on Socket.IO with all its namespaces.
	// After Disconnect the client may connect to the namespace again on the same
	// connection. On platforms without namespaces DisconnectAll is Disconnect.
	DisconnectAll()
	// Close is Disconnect with a WebSocket close code and a text of at most 123
	// bytes, where the platform sends them: 1000, 1008, or one of 3000 to 4999 of
	// your own (RFC 6455 §7.4.2). With another code, or on a platform without close codes, it
	// is Disconnect.
	Close(code int, text string)
	// Context ends when the client disconnects; its cause is then [ErrClosed].
	Context() context.Context
	// Native is the platform's own object; use the typed function of the platform's package
	// instead, such as ws.ConnOf.
	Native() any

	// Presence is the client as package presence uses it. The framework calls it.
	Presence(seal.Framework) roster.Member
	// Sealed keeps the interface for the framework: it may get more methods.
	Sealed(seal.Framework)
}

// ClientFrom returns the client whose message or hook is being handled, from the
// context of the handler or hook. It is nil in other contexts.
func ClientFrom(ctx context.Context) Client {
	c, _ := pipeline.HolderFrom(ctx).(Client)
	return c
}

// WithClient returns a context from which [ClientFrom] returns c, for unit tests
// that call handlers directly. [pipeline.Value.From] finds the values of c in it.
func WithClient(ctx context.Context, c Client) context.Context {
	return pipeline.WithHolder(ctx, c)
}
