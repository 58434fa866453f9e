package adapter

import (
	"log/slog"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Adapter is a platform: one wire protocol that gateways are served over. The framework
// decides what happens (order, rooms, acks, errors, hooks), the adapter how it is sent.
//
// An Adapter is a value without connections: the same one may serve several applications.
// It must be safe for concurrent use.
type Adapter interface {
	// Name is the platform's name in logs, errors and Client.Platform: "ws", "socketio".
	Name() string
	// Traits describes the protocol. It always returns the same.
	Traits() Traits
	// NewServer returns the server of one {listener, path}. It must not accept clients
	// yet, start goroutines that outlive Close, or listen: the framework owns listeners.
	// An error aborts the start.
	NewServer(cfg ServerConfig) (Server, error)
}

// OptionsChecker is an [Adapter] that checks the options of a server before anything is
// built, so that app.Validate and app.New find mistakes in them. Otherwise the start finds
// them, by the error of NewServer, which is returned for the same options.
type OptionsChecker interface {
	// CheckOptions returns what is wrong with the options that gateways declared for one
	// server, see ServerConfig.Options, together with those of the adapter.
	CheckOptions(opts []PlatformOption) error
}

// Traits describes a protocol.
type Traits struct {
	// DefaultPath is the path of a server when no gateway sets Path: "/", "/socket.io/".
	DefaultPath string
	// Namespaces: a server has several namespaces. Without it the option Namespace is an
	// error at start that names Path.
	Namespaces bool
	// PathPatterns: Path may have wildcards in the syntax of [http.ServeMux].
	PathPatterns bool
	// UpgradeOnly: the server serves requests to its path that ask for an upgrade, to any
	// protocol but h2c and TLS. Other requests to the path belong to the HTTP controllers;
	// they reach the server where no controller has the path. Without UpgradeOnly
	// everything at and below the path is the server's.
	UpgradeOnly bool
	// Binary: attachments are sent as binary. Without it []byte is sent as base64 text.
	Binary bool
	// ReplyAsEvent: answers have the form of events. The result of a message that asked for
	// no answer is passed to Conn.Emit under the message's own event, instead of being
	// dropped. A failure is sent once, by Conn.Reply with the Event "exception", which the
	// client must see. Without ReplyAsEvent it is sent by Conn.Emit too. A protocol with
	// ReplyAsEvent has one payload for each event: a list is the arguments of
	// [websockets.Args2]. Without it only a payload with Spread is, see [Message].
	ReplyAsEvent bool
}

// ServerConfig is the configuration of one server. It is not changed after NewServer. For a
// request that opens a connection the adapter calls CheckOrigin, Reserve and AdmitRequest,
// in this order, then Admit of the endpoint.
type ServerConfig struct {
	// Path as declared, with a leading "/"; the adapter's DefaultPath when none was. It
	// may be a ServeMux pattern with Traits.PathPatterns.
	Path string
	// Options are the platform options that gateways declared, at most one of each type,
	// all of this platform.
	Options []PlatformOption
	// Limits with the defaults filled in.
	Limits websockets.Limits
	// CheckOrigin reports whether a browser page of the request's Origin may connect. The
	// adapter must answer 403 when it returns false, on every transport. It is never nil.
	CheckOrigin func(*http.Request) bool
	// Reserve takes a place for a connection. An adapter calls it for every request that
	// opens a connection, before AdmitRequest and before it keeps anything of the request.
	// An error refuses the request, as one of AdmitRequest does. release returns the place
	// when the connection has ended or was not accepted; calls after the first do nothing.
	// A change of transport is the same connection. The framework keeps the place for
	// handlers that still run then. nil counts nothing.
	Reserve func(*http.Request) (release func(), err error)
	// AdmitRequest checks every request that opens a connection, once, before anything of
	// it is kept. An error refuses the request, with the status and message of
	// [RefusalOf]. What it stores is in the context that the request of ServeHTTP has:
	// Handshake.Request must be that request, or a copy with its context. It recovers panics
	// and returns after Limits.HandshakeTimeout at the latest. nil checks nothing.
	AdmitRequest func(*http.Request) error
	// TraceContext reports that an observer wants the trace contexts of messages: set Message.Traceparent and Tracestate.
	TraceContext bool
	// Handover moves clients to and from other nodes; nil on a single node, and where the backplane cannot do it.
	// A server that is no [Mover] ignores it.
	Handover Handover
	// Endpoints has one for each namespace of the server; exactly one, without a name,
	// when the platform has no namespaces.
	Endpoints []Endpoint
	// Logger has the attributes platform and path.
	Logger *slog.Logger
}

// PlatformOption is an option of one platform, such as ws.Options: it is given among a
// gateway's options and passed to the platform's server unchanged.
//
//	func (o Options) ApplyGateway(c *adapter.GatewayConfig) { c.AddPlatform(o) }
//	func (o Options) PlatformName() string                  { return "ws" }
type PlatformOption interface {
	websockets.Option
	// PlatformName is the Name of the adapter that the option is for.
	PlatformName() string
}

// GatewayConfig collects the options of a gateway. Platform options call its method
// AddPlatform(PlatformOption); they need nothing else of it.
type GatewayConfig = config.Gateway
