package pipeline

import "net/http"

// Kind tells what a [Call] is.
type Kind string

// The kinds of calls.
const (
	// KindHTTP is a request to a route of a controller.
	KindHTTP Kind = "http"
	// KindHandshake is the HTTP request that opens a connection to gateways, see
	// [HandshakeGuard].
	KindHandshake Kind = "handshake"
	// KindConnect is a client that asks to be connected to a gateway, before its
	// handshake is accepted.
	KindConnect Kind = "connect"
	// KindMessage is a message to a handler of a gateway.
	KindMessage Kind = "message"
)

// Call is what is about to be handled. It belongs to one goroutine and must not
// be kept after the call. In tests, make one with the fields that matter.
type Call struct {
	// Kind is what it is.
	Kind Kind
	// Pattern is the event of a message, the namespace or path pattern of a
	// connection, or method and route pattern of a request: "GET /rooms/{room}".
	Pattern string
	// Name is the gateway or controller, as its constructor: chat.NewGateway.
	Name string
	// Request is the HTTP request: of the route, or of the client's handshake.
	// On a message its body must not be read.
	Request *http.Request
	// Payload is what a message carries, undecoded; raw bytes of it must not be
	// kept. nil on other kinds.
	Payload Decoder
	// Size is the number of bytes of Payload.
	Size int
	// Auth is what a client sent along with its handshake, such as Socket.IO's
	// auth object; on its messages too. nil where there is none.
	Auth Decoder
	// Handler and Owner are the metadata of the handler, and of its gateway or
	// controller. Read them with [Key.Of].
	Handler, Owner Metadata
	// Store is behind Values. nil is an empty one.
	Store *Values
	// Connection holds what is kept for the physical connection that the client came
	// by, for as long as that lasts. On Socket.IO a client may leave a namespace and
	// enter it again, and be in several: Values then is another each time, Connection
	// is the same. nil for HTTP requests and on KindHandshake.
	//
	//	bucket := Bucket.GetOrSet(c.Connection, newBucket())
	Connection *Values
}

// Decoder is a payload that has not been decoded.
type Decoder interface {
	// Decode stores the payload in the value that v points to.
	Decode(v any) error
}

// Values holds what guards learned about the client; see [Value]. Of a connection
// and its messages it is one, and ends with the client.
func (c *Call) Values() *Values {
	if c.Store == nil {
		c.Store = new(Values)
	}
	return c.Store
}
