package pipeline

import "net/http"

// Kind is the kind of a [Call].
type Kind string

// The kinds of calls.
const (
	// KindHTTP is a request to a route of a controller.
	KindHTTP Kind = "http"
	// KindHandshake is the HTTP request that opens a connection to gateways, see
	// [HandshakeGuard].
	KindHandshake Kind = "handshake"
	// KindConnect is a client that connects to a gateway, before its handshake is
	// accepted.
	KindConnect Kind = "connect"
	// KindMessage is a message to a handler of a gateway.
	KindMessage Kind = "message"
)

// Call describes the request, connection or message that is being handled. It belongs
// to one goroutine and must not be kept after the call. In tests, create one with the
// fields that matter.
type Call struct {
	// Kind is the kind of the call.
	Kind Kind
	// Pattern is the event of a message, the namespace or path pattern of a
	// connection, or method and route pattern of a request: "GET /rooms/{room}".
	Pattern string
	// Name is the constructor of the gateway or controller: chat.NewGateway.
	Name string
	// Request is the HTTP request: of the route, or of the client's handshake.
	// On a message its body must not be read.
	Request *http.Request
	// Payload is the undecoded payload of a message, nil for other kinds. Raw bytes
	// of it must not be kept.
	Payload Decoder
	// Size is the number of bytes that the client sent for the message: all those on the wire
	// where the platform knows them, otherwise the event's name and the payload.
	Size int
	// Auth is the data that the client sent with its handshake, such as Socket.IO's
	// auth object, also set for messages; nil without any.
	Auth Decoder
	// Handler and Owner are the metadata of the handler, and of its gateway or
	// controller. Read them with [Key.Of].
	Handler, Owner Metadata
	// Store holds the values that Values returns; nil is an empty store.
	Store *Values
	// Connection holds values that last as long as the physical connection. A
	// Socket.IO client may be in several namespaces, and leave and enter them: each
	// entry has its own Values, but the same Connection. nil for HTTP requests and for
	// KindHandshake.
	//
	//	bucket := Bucket.GetOrSet(c.Connection, newBucket())
	Connection *Values
}

// Decoder is a payload that has not been decoded.
type Decoder interface {
	// Decode stores the payload in the value that v points to.
	Decode(v any) error
}

// Values returns the values that guards stored for the client; see [Value]. A
// connection and its messages share one store, which lasts as long as the client.
func (c *Call) Values() *Values {
	if c.Store == nil {
		c.Store = new(Values)
	}
	return c.Store
}
