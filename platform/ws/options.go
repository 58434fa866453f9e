package ws

import (
	"fmt"
	"reflect"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Options configure plain WebSocket servers: given to [New] they hold for every
// server of the adapter, given among a gateway's options for the server of its
// path. A field left zero keeps the value from before.
//
//	websockets.Gateway(NewFeed, websockets.Path("/feed"), ws.Options{Subprotocols: []string{"feed.v2", "feed.v1"}})
type Options struct {
	// Codec is the form of messages, both ways. Default [JSON].
	Codec Codec
	// Subprotocols of RFC 6455 §1.9 in order of preference: the first that the
	// client asks for as well is chosen; ConnOf(client).Subprotocol() tells it.
	// A client that asks for none of them is served without one: refuse it with
	// websockets.Admit if that must not be.
	Subprotocols []string
	// Compression of RFC 7692. Default [CompressionOff].
	Compression Compression
	// BinaryFrames sends binary frames although the codec's messages are text,
	// for clients that want it so. It cannot be taken back by a later option.
	BinaryFrames bool
	// MaxFragments is how many frames may make up one message; the client that
	// sends more is closed with 1008. Default 4,096, negative for no limit.
	MaxFragments int
	// MessageTimeout is how long a message may take from its first byte to its
	// last, without the time in which the server itself did not read. The client
	// that takes longer is closed with 1008. Default 60 s, negative for no limit.
	MessageTimeout time.Duration
}

// Compression says whether messages are compressed (permessage-deflate).
type Compression uint8

// The modes of compression. It costs memory and time per connection; measure before
// turning it on, and leave it off where secrets and foreign text meet in one message.
const (
	compressionUnset = Compression(wsconn.CompressionUnset)
	// CompressionOff does not compress. The default.
	CompressionOff = Compression(wsconn.CompressionOff)
	// CompressionEach compresses each message on its own, those under 512 bytes
	// not at all.
	CompressionEach = Compression(wsconn.CompressionEach)
	// CompressionStream compresses with what came before as dictionary, messages
	// from 128 bytes on: smaller still, at 1.2 MB of memory for each connection.
	CompressionStream = Compression(wsconn.CompressionStream)
)

const (
	defaultMaxFragments   = 4096
	defaultMessageTimeout = time.Minute
)

var _ websockets.PlatformOption = Options{}

// ApplyGateway implements [websockets.Option].
func (o Options) ApplyGateway(c *websockets.GatewayConfig) { c.AddPlatform(o) }

// PlatformName implements [websockets.PlatformOption].
func (Options) PlatformName() string { return platformName }

// over gives o with base where o says nothing.
func (o Options) over(base Options) Options {
	if o.Codec == nil {
		o.Codec = base.Codec
	}
	if o.Subprotocols == nil {
		o.Subprotocols = base.Subprotocols
	}
	if o.Compression == compressionUnset {
		o.Compression = base.Compression
	}
	o.BinaryFrames = o.BinaryFrames || base.BinaryFrames
	if o.MaxFragments == 0 {
		o.MaxFragments = base.MaxFragments
	}
	if o.MessageTimeout == 0 {
		o.MessageTimeout = base.MessageTimeout
	}
	return o
}

func (o Options) withDefaults() Options {
	return o.over(Options{
		Codec:          JSON(),
		Compression:    CompressionOff,
		MaxFragments:   defaultMaxFragments,
		MessageTimeout: defaultMessageTimeout,
	})
}

func (o Options) check() error {
	for _, p := range o.Subprotocols {
		if !rfc6455.IsToken(p) {
			return fmt.Errorf("ws: Options.Subprotocols: %q is not a token of RFC 9110: use letters, digits, and any of !#$%%&'*+-.^_`|~", p)
		}
	}
	if o.Compression > CompressionStream {
		return fmt.Errorf("ws: Options.Compression: unknown value %d: use CompressionOff, CompressionEach or CompressionStream", o.Compression)
	}
	if !reflect.ValueOf(o.Codec).Comparable() {
		return fmt.Errorf("ws: Options.Codec: values of %T cannot be compared: give a pointer", o.Codec)
	}
	return nil
}
