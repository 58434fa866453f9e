package socketio

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/cors"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/sidcookie"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The transports of Engine.IO, for [Options.Transports].
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// Options configures Socket.IO servers. Passed to [New] they are the defaults of every
// server of the adapter; among a gateway's options they override those field by field on
// that gateway's server:
//
//	websockets.Gateway(NewGateway, socketio.Options{Transports: []string{socketio.WebSocket}})
//
// Zero fields keep the value from before, or the default. docs/socketio.md lists the
// options of Socket.IO for Node and where they are here.
type Options struct {
	// Transports of the server: [Polling], [WebSocket]. Default: both. With WebSocket
	// alone, clients need the option transports: ["websocket"].
	Transports []string
	// Upgrades lets clients that start with polling continue over WebSocket. Default On.
	Upgrades Switch
	// UpgradeTimeout bounds the upgrade from polling to WebSocket. Default 10 s.
	UpgradeTimeout time.Duration
	// ConnectTimeout is how long a connection may be in no namespace before it is
	// closed: from its start, or from leaving the last one, until it joins one. Refused
	// attempts do not extend it. Default 15 s.
	ConnectTimeout time.Duration
	// MaxConnecting is how many connections of a server may be in no namespace at a
	// time; one more closes the oldest of them. Default 1,000, negative for no limit.
	MaxConnecting int
	// MaxUnpolled is how many sessions of a server over polling may have no pending poll
	// at a time; one more closes the one without a poll for the longest time, if that is
	// 5 s or more. Default 1,000, negative for no limit.
	MaxUnpolled int
	// AllowRequest, when not nil, is called before a connection is accepted, on every
	// transport, before any namespace is known. An error refuses the connection: a
	// [websockets.Error] with its status and text, 403 by default, any other with 500.
	// The request's context ends after Limits.HandshakeTimeout. Prefer a guard: a
	// [pipeline.HandshakeGuard] runs at the same time, and only guards see what the
	// client sends with a namespace (`auth`). Gateways that share a server must use the
	// same function from one variable, or from [New].
	AllowRequest func(*http.Request) error
	// HTTPCompression is the size in bytes from which answers to polls are compressed
	// (gzip), for clients that accept it. Default 0: never.
	HTTPCompression int
	// Compression of WebSocket messages. Default [CompressionOff].
	Compression Compression
	// CORS is for browser pages of other origins on polling. Allowed origins are set
	// with [websockets.Origins].
	CORS CORS
	// Cookie, when not nil, is set on handshakes over polling, with the id of the
	// Engine.IO session as its value, for load balancers with sticky sessions. Its Name
	// defaults to "io", Path to "/", SameSite to Lax. It is always HttpOnly. Set Secure where
	// clients connect by HTTPS only.
	Cookie *http.Cookie
	// HandshakeHeaders, when not nil, adds headers to the answer of a handshake that has been accepted, over
	// polling and over WebSocket, such as for a load balancer: sid is the id of the Engine.IO session, which
	// middleware does not know. It must not keep h. A panic refuses the handshake with 500.
	// Gateways that share a server must use the same function, as with AllowRequest.
	HandshakeHeaders func(h http.Header, r *http.Request, sid string)
	// Parser is the format of packets; clients must use the same. Default [packet.JSON];
	// [msgpack.Parser] is compatible with socket.io-msgpack-parser.
	Parser packet.Parser
	// MaxAttachments is how many binary attachments one packet may have, in both
	// directions. Default 10, the limit of Socket.IO 4.8 clients. It has no effect with
	// msgpack.Parser.
	MaxAttachments int
	// AttachmentTimeout is how long after a packet its attachments must have arrived;
	// otherwise the client is closed. Default 30 s.
	AttachmentTimeout time.Duration
	// MaxNamespaces is how many namespaces one connection may join. Default 100.
	MaxNamespaces int
	// MaxFragments is how many WebSocket frames one message may have; a client that
	// sends more is closed. Default 4,096, negative for no limit.
	MaxFragments int
	// MessageTimeout is how long one message, or the body of a POST, may take
	// from its first byte to its last. Default 60 s, negative for no limit.
	MessageTimeout time.Duration
	// TraceArgument removes the last argument of an event if it is a W3C traceparent with the prefix "tp=", 58 characters, and passes
	// it to observers (see observe.Handling): clients append it, as the protocol has no other place. Default Off: it
	// is an argument.
	TraceArgument Switch
	// Recovery, when not nil, lets clients that lost their connection resume their
	// rooms and receive what they missed. Default: off.
	Recovery *Recovery
}

// Recovery configures connection state recovery, see [adapter.Recovery]. With Socket.IO events
// have their position as an additional last argument, volatile ones too, because clients take
// any text at the end of an event for one. Events with an ack have none. A client that has never
// received an event is not recovered, as in Socket.IO for Node.
type Recovery = adapter.Recovery

// CORS configures the headers for cross-origin requests. It never widens the set of
// allowed origins.
type CORS struct {
	// Credentials lets pages of allowed origins use cookies over polling:
	// Access-Control-Allow-Credentials. Browsers send cookies over WebSocket in any case.
	// Default On.
	Credentials Switch
	// AllowedHeaders are the headers that pages may send. Default: those that the
	// preflight requests.
	AllowedHeaders []string
	// MaxAge is how long browsers may cache a preflight. Default: not set (browsers use 5 s).
	MaxAge time.Duration
	// PrivateNetwork allows pages of public sites to reach a server in a private network,
	// if the browser requests it: Access-Control-Allow-Private-Network. Default Off.
	PrivateNetwork Switch
}

// Switch is a boolean option: [On], [Off], or unset, which keeps the value from before.
type Switch = adapter.Switch

// The values of a [Switch].
const (
	On  = adapter.On
	Off = adapter.Off
)

// Compression is how WebSocket messages are compressed (permessage-deflate, RFC 7692).
type Compression uint8

// The modes of compression. It costs memory and time per connection: measure before
// turning it on. Leave it off where a message may contain both a secret and text of
// another user.
const (
	// CompressionOff does not compress. The default.
	CompressionOff = Compression(wsconn.CompressionOff)
	// CompressionEach compresses each message of 512 bytes or more on its own.
	CompressionEach = Compression(wsconn.CompressionEach)
	// CompressionStream compresses messages of 128 bytes or more, with earlier messages
	// as dictionary: smaller still, at 1.2 MB of memory per connection.
	CompressionStream = Compression(wsconn.CompressionStream)
)

var _ adapter.PlatformOption = Options{}

// ApplyGateway implements [websockets.Option].
func (o Options) ApplyGateway(c *adapter.GatewayConfig) { c.AddPlatform(o) }

// PlatformName returns "socketio".
func (Options) PlatformName() string { return platformName }

func defaults() Options {
	return Options{
		Transports:        []string{Polling, WebSocket},
		Upgrades:          On,
		CORS:              CORS{Credentials: On, PrivateNetwork: Off},
		UpgradeTimeout:    10 * time.Second,
		ConnectTimeout:    15 * time.Second,
		MaxConnecting:     1000,
		MaxUnpolled:       1000,
		Compression:       CompressionOff,
		Parser:            packet.JSON(),
		MaxAttachments:    10,
		AttachmentTimeout: 30 * time.Second,
		MaxNamespaces:     100,
		MaxFragments:      4096,
		MessageTimeout:    time.Minute,
		TraceArgument:     Off,
	}
}

// complete returns the options with the defaults that depend on other fields, or an error
// for invalid ones.
func (o Options) complete() (Options, error) {
	if len(o.Transports) == 0 {
		return o, fmt.Errorf("socketio: Options.Transports is empty: leave it nil for both, or name %q or %q", Polling, WebSocket)
	}
	for _, t := range o.Transports {
		if t != Polling && t != WebSocket {
			return o, fmt.Errorf("socketio: Options.Transports has %q: it may be %q or %q", t, Polling, WebSocket)
		}
	}
	if o.Compression > CompressionStream {
		return o, fmt.Errorf("socketio: Options.Compression: unknown value %d: use CompressionOff, CompressionEach or CompressionStream", o.Compression)
	}
	for _, f := range []struct {
		name string
		s    Switch
	}{{"Upgrades", o.Upgrades}, {"CORS.Credentials", o.CORS.Credentials}, {"CORS.PrivateNetwork", o.CORS.PrivateNetwork}, {"TraceArgument", o.TraceArgument}} {
		if !f.s.Valid() {
			return o, fmt.Errorf("socketio: Options.%s: unknown value %d: use On or Off", f.name, f.s)
		}
	}
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"UpgradeTimeout", int64(o.UpgradeTimeout)},
		{"ConnectTimeout", int64(o.ConnectTimeout)},
		{"HTTPCompression", int64(o.HTTPCompression)},
		{"CORS.MaxAge", int64(o.CORS.MaxAge)},
		{"MaxAttachments", int64(o.MaxAttachments)},
		{"AttachmentTimeout", int64(o.AttachmentTimeout)},
		{"MaxNamespaces", int64(o.MaxNamespaces)},
	} {
		if f.n < 0 {
			return o, fmt.Errorf("socketio: Options.%s is negative: use 0 for the default", f.name)
		}
	}
	if !reflect.ValueOf(o.Parser).Comparable() {
		return o, fmt.Errorf("socketio: Options.Parser: values of %T cannot be compared: use a pointer", o.Parser)
	}
	if err := o.headers().Check(); err != nil {
		return o, fmt.Errorf("socketio: Options.CORS.%w", err)
	}
	var err error
	if o.Cookie, err = sidcookie.Complete(o.Cookie); err != nil {
		return o, fmt.Errorf("socketio: Options.Cookie: %w", err)
	}
	if o.Recovery, err = resume.Complete("socketio", o.Recovery); err != nil {
		return o, err
	}
	return o, nil
}

// headers returns the CORS headers of answers.
func (o Options) headers() cors.Headers {
	return cors.Headers{
		DisableCredentials: o.CORS.Credentials == Off,
		AllowedHeaders:     o.CORS.AllowedHeaders,
		MaxAge:             o.CORS.MaxAge,
		PrivateNetwork:     o.CORS.PrivateNetwork == On,
	}
}

func (o Options) offers(transport string) bool { return slices.Contains(o.Transports, transport) }
