package socketio

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The transports of Engine.IO, for [Options.Transports].
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// Options configures Socket.IO servers. Given to [New] they are the defaults of
// every server of the adapter; given among a gateway's options they override
// those, field by field, on that gateway's server:
//
//	websockets.Gateway(NewGateway, socketio.Options{Transports: []string{socketio.WebSocket}})
//
// A field left zero means "not said". docs/socketio.md tells where each option
// of Socket.IO for Node is.
type Options struct {
	// Transports that are offered: [Polling], [WebSocket]. Default: both. With
	// WebSocket alone, clients must be told transports: ["websocket"].
	Transports []string
	// DisableUpgrades keeps clients that began with polling on polling.
	DisableUpgrades bool
	// UpgradeTimeout bounds the change from polling to WebSocket. Default 10 s.
	UpgradeTimeout time.Duration
	// ConnectTimeout is how long a connection may be in no namespace before it
	// is closed: from its start, or since it has left the last one, until an entry has
	// succeeded, however often it was refused. Default 15 s.
	ConnectTimeout time.Duration
	// MaxConnecting is how many connections of a server may be in no namespace at a
	// time; one more closes the one that has been so longest. Default 1,000, negative
	// for no limit.
	MaxConnecting int
	// MaxUnpolled is how many sessions of a server over polling may have no poll open
	// at a time; one more closes the one that has been so longest, if that is 5 s or
	// more. Default 1,000, negative for no limit.
	MaxUnpolled int
	// AllowRequest, when not nil, is asked before a connection is accepted, on
	// every transport, before any namespace is known. An error refuses it with
	// the status and text of the [websockets.Error], 403 by default, otherwise
	// 500. The request's context ends with Limits.HandshakeTimeout. Prefer a
	// guard: a [pipeline.HandshakeGuard] is asked at the same time, and what the
	// client sends with a namespace (`auth`) only guards see. Gateways that share a
	// server must have it from one variable, or from [New].
	AllowRequest func(*http.Request) error
	// HTTPCompression is the size in bytes from which answers to polls are
	// compressed (gzip) for clients that accept it. Default 0: never.
	HTTPCompression int
	// Compression of WebSocket messages. Default [CompressionOff].
	Compression Compression
	// CORS is for browser pages of other origins on polling. Which origins those
	// are is [websockets.Origins]' to say.
	CORS CORS
	// Cookie, when not nil, is set with the id of the Engine.IO session as its
	// value on handshakes over polling, for load balancers that need one for
	// sticky sessions. Its Name defaults to "io", Path to "/", SameSite to Lax.
	// Set HttpOnly and Secure yourself.
	Cookie *http.Cookie
	// Parser is the form of packets; clients must have the same. Default
	// [packet.JSON]; [msgpack.Parser] fits socket.io-msgpack-parser.
	Parser packet.Parser
	// MaxAttachments is how many binary parts one packet may have, both ways.
	// Default 10, which is also what clients of Socket.IO 4.8 accept.
	MaxAttachments int
	// AttachmentTimeout is how long the binary parts of a packet may follow it
	// later; the client that takes longer is closed. Default 30 s.
	AttachmentTimeout time.Duration
	// MaxNamespaces is how many namespaces one connection may be in. Default 100.
	MaxNamespaces int
	// MaxFragments is how many WebSocket frames may make up one message; the
	// client that sends more is closed. Default 4,096, negative for no limit.
	MaxFragments int
	// MessageTimeout is how long one message, or the body of a POST, may take
	// from its first byte to its last. Default 60 s, negative for no limit.
	MessageTimeout time.Duration
	// Recovery, when not nil, lets clients that lost their connection come back
	// to their rooms and to what they missed. Default: off.
	Recovery *Recovery
}

// Recovery configures connection state recovery: a client that comes back in
// time keeps its id, its rooms and its typed values (websockets.Key), and is
// sent the events that it missed, once and in order. HandleDisconnect has run
// when it left; HandleConnection runs again, with Client.Recovered() true.
//
// Not kept: events with an ack and volatile ones. A client that has never
// received an event is not recovered, as in Socket.IO for Node, nor one that is
// cut off before HandleConnection has let it in.
type Recovery struct {
	// MaxDisconnection is how long a client may be away. Default 2 min.
	MaxDisconnection time.Duration
	// SkipAdmit lets clients come back without the checks of [websockets.Admit] and
	// without guards, other than those that say who the client is. Default: they run
	// again, so that a token that has been revoked meanwhile is noticed.
	SkipAdmit bool
	// SameClient reports whether a client that comes back, and was let in, is the one
	// that left. One that is not comes in as a new client, and the old one may still
	// come back. The typed values of both can be read. It is called by many goroutines
	// at once, and must be quick; a panic counts as false.
	//
	// Default: it is the same when guards have set the same [pipeline.Identity] on both,
	// as jwtauth does; where there are guards or Admit that have set none nobody is
	// recovered, and without any everybody who has the client's private id is.
	SameClient func(old websockets.Client, h *websockets.Handshake) bool
	// MaxClients is how many absent clients a server keeps; beyond it the one
	// that left first is forgotten. Default 10,000.
	MaxClients int
	// MaxBytes bounds the events kept for one client; one that missed more is
	// not recovered. Default 256 KiB.
	MaxBytes int
}

// CORS is what browsers are told about cross-origin requests. It never widens
// the set of allowed origins.
type CORS struct {
	// DisableCredentials leaves out Access-Control-Allow-Credentials, so that
	// pages of other origins cannot use cookies over polling. Browsers send
	// cookies over WebSocket all the same. Default: an allowed origin may use them.
	DisableCredentials bool
	// AllowedHeaders may be sent by pages. Default: those that the preflight asks for.
	AllowedHeaders []string
	// MaxAge is how long browsers may keep the answer to a preflight. Default: not said (5 s).
	MaxAge time.Duration
	// PrivateNetwork lets pages of public sites reach a server in a private
	// network, if the browser asks: Access-Control-Allow-Private-Network.
	PrivateNetwork bool
}

// Compression says whether WebSocket messages are compressed (permessage-deflate, RFC 7692).
type Compression uint8

// The modes of compression. It costs memory and time per connection; measure before
// turning it on, and leave it off where secrets and foreign text meet in one message.
const (
	// CompressionOff does not compress. The default.
	CompressionOff = Compression(wsconn.CompressionOff)
	// CompressionEach compresses each message on its own, those under 512 bytes
	// not at all.
	CompressionEach = Compression(wsconn.CompressionEach)
	// CompressionStream compresses with what came before as dictionary, messages
	// from 128 bytes on: smaller still, at 1.2 MB of memory for each connection.
	CompressionStream = Compression(wsconn.CompressionStream)
)

var _ adapter.PlatformOption = Options{}

// ApplyGateway records the options for the gateway's server.
func (o Options) ApplyGateway(c *adapter.GatewayConfig) { c.AddPlatform(o) }

// PlatformName is "socketio".
func (Options) PlatformName() string { return platformName }

// set replaces what stands in place by what is said.
func set[T comparable](place *T, said T) {
	var unset T
	if said != unset {
		*place = said
	}
}

// over gives base with what o says in place of it.
func (o Options) over(base Options) Options {
	if o.Transports != nil {
		base.Transports = o.Transports
	}
	set(&base.DisableUpgrades, o.DisableUpgrades)
	set(&base.UpgradeTimeout, o.UpgradeTimeout)
	set(&base.ConnectTimeout, o.ConnectTimeout)
	set(&base.MaxConnecting, o.MaxConnecting)
	set(&base.MaxUnpolled, o.MaxUnpolled)
	if o.AllowRequest != nil {
		base.AllowRequest = o.AllowRequest
	}
	set(&base.HTTPCompression, o.HTTPCompression)
	set(&base.Compression, o.Compression)
	set(&base.CORS.DisableCredentials, o.CORS.DisableCredentials)
	if o.CORS.AllowedHeaders != nil {
		base.CORS.AllowedHeaders = o.CORS.AllowedHeaders
	}
	set(&base.CORS.MaxAge, o.CORS.MaxAge)
	set(&base.CORS.PrivateNetwork, o.CORS.PrivateNetwork)
	set(&base.Cookie, o.Cookie)
	if o.Parser != nil {
		base.Parser = o.Parser
	}
	set(&base.MaxAttachments, o.MaxAttachments)
	set(&base.AttachmentTimeout, o.AttachmentTimeout)
	set(&base.MaxNamespaces, o.MaxNamespaces)
	set(&base.MaxFragments, o.MaxFragments)
	set(&base.MessageTimeout, o.MessageTimeout)
	set(&base.Recovery, o.Recovery)
	return base
}

func defaults() Options {
	return Options{
		Transports:        []string{Polling, WebSocket},
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
	}
}

// complete refuses what cannot work, and fills in what depends on more than one field.
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
		return o, fmt.Errorf("socketio: Options.Parser: values of %T cannot be compared: give a pointer", o.Parser)
	}
	if o.Cookie != nil {
		c := *o.Cookie //nolint:gosec // its attributes are the application's to choose
		if c.Name == "" {
			c.Name = "io"
		}
		if c.Path == "" {
			c.Path = "/"
		}
		if c.SameSite == 0 {
			c.SameSite = http.SameSiteLaxMode
		}
		named := c //nolint:gosec // as above
		named.Value = "sid"
		if err := named.Valid(); err != nil { // net/http would leave it out without a word
			return o, fmt.Errorf("socketio: Options.Cookie: %w", err)
		}
		o.Cookie = &c
	}
	if o.Recovery != nil {
		r := Recovery{MaxDisconnection: 2 * time.Minute, MaxClients: 10_000, MaxBytes: 256 << 10, SkipAdmit: o.Recovery.SkipAdmit, SameClient: o.Recovery.SameClient}
		set(&r.MaxDisconnection, o.Recovery.MaxDisconnection)
		set(&r.MaxClients, o.Recovery.MaxClients)
		set(&r.MaxBytes, o.Recovery.MaxBytes)
		if r.MaxDisconnection < 0 || r.MaxClients < 0 || r.MaxBytes < 0 {
			return o, fmt.Errorf("socketio: Options.Recovery has a negative duration or size: use 0 for the default")
		}
		o.Recovery = &r
	}
	return o, nil
}

func (o Options) offers(transport string) bool { return slices.Contains(o.Transports, transport) }
