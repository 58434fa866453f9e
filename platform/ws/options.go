package ws

import (
	"fmt"
	"reflect"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Options configures plain WebSocket servers. Passed to [New] it applies to every server
// of the adapter; among a gateway's options it applies to the server of its path and
// overrides those field by field. Zero fields keep the value from before, or the default.
//
//	websockets.Gateway(NewFeed, websockets.Path("/feed"), ws.Options{Subprotocols: []string{"feed.v2", "feed.v1"}})
type Options struct {
	// Codec is the format of messages in both directions. Default [JSON].
	Codec Codec
	// Subprotocols, RFC 6455 §1.9, in order of preference: the server selects the first
	// that the client offers too; ConnOf(client).Subprotocol() returns it. A client that
	// offers none of them is accepted without one: use websockets.Admit to refuse it. Names
	// that start with "gatehouse." are the framework's: with the codec [JSON] a client that
	// offers gatehouse.v1 gets it first, see docs/protocol.md.
	Subprotocols []string
	// ExplainRefusals accepts the handshakes of clients that offer gatehouse.v1 and are
	// refused by a guard, websockets.Admit or a limit of connections, only to send them an
	// exception and to close with 4401, 4403, 4429, 4503, or 1011 for 500: pages in browsers
	// see nothing of an HTTP status. Each such connection ends within a second, and is not counted by
	// the limits; 100 of a server at a time, others get the status. Foreign origins and
	// malformed handshakes get it always. Default Off: refused clients do not get past the
	// upgrade.
	ExplainRefusals Switch
	// Recovery, when not nil, lets clients of gatehouse.v1 that lost their connection resume
	// their rooms and receive what they missed. It needs the codec [JSON]. Default: off.
	Recovery *Recovery
	// Compression of RFC 7692. Default [CompressionOff].
	Compression Compression
	// BinaryFrames sends text messages of the codec in binary frames, for clients that
	// need it. Default Off.
	BinaryFrames Switch
	// MaxFragments is how many frames one message may have. A client that sends more is
	// closed with 1008. Default 4,096, negative for no limit.
	MaxFragments int
	// MessageTimeout is how long a message may take from its first byte to its last,
	// not counting the time when the server itself does not read. A client that takes
	// longer is closed with 1008. Default 60 s, negative for no limit.
	MessageTimeout time.Duration
}

// Switch is a boolean option: [On], [Off], or unset, which keeps the value from before.
type Switch = adapter.Switch

// The values of a [Switch].
const (
	On  = adapter.On
	Off = adapter.Off
)

// Compression is how messages are compressed (permessage-deflate, RFC 7692).
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

const (
	defaultMaxFragments   = 4096
	defaultMessageTimeout = time.Minute
)

var _ adapter.PlatformOption = Options{}

// ApplyGateway implements [websockets.Option].
func (o Options) ApplyGateway(c *adapter.GatewayConfig) { c.AddPlatform(o) }

// PlatformName implements [adapter.PlatformOption].
func (Options) PlatformName() string { return platformName }

func defaults() Options {
	return Options{
		Codec:           JSON(),
		ExplainRefusals: Off,
		Compression:     CompressionOff,
		BinaryFrames:    Off,
		MaxFragments:    defaultMaxFragments,
		MessageTimeout:  defaultMessageTimeout,
	}
}

// complete returns the options with the defaults that depend on other fields, or an error for
// invalid ones.
func (o Options) complete() (_ Options, err error) {
	if err := o.check(); err != nil {
		return o, err
	}
	if o.Recovery, err = resume.Complete("ws", o.Recovery); err != nil {
		return o, err
	}
	if o.Recovery != nil && o.Codec != JSON() {
		return o, fmt.Errorf("ws: Options.Recovery has no effect with the codec %T: clients of gatehouse.v1 are recovered, which is defined for ws.JSON(): remove one of them", o.Codec)
	}
	return o, nil
}

func (o Options) check() error {
	for _, p := range o.Subprotocols {
		if !rfc6455.IsToken(p) {
			return fmt.Errorf("ws: Options.Subprotocols: %q is not a token of RFC 9110: use letters, digits, and any of !#$%%&'*+-.^_`|~", p)
		}
		if isReserved(p) {
			return fmt.Errorf("ws: Options.Subprotocols: %q is reserved, servers offer %s by themselves: remove it", p, protocolV1)
		}
	}
	if o.Compression > CompressionStream {
		return fmt.Errorf("ws: Options.Compression: unknown value %d: use CompressionOff, CompressionEach or CompressionStream", o.Compression)
	}
	if !o.ExplainRefusals.Valid() {
		return fmt.Errorf("ws: Options.ExplainRefusals: unknown value %d: use On or Off", o.ExplainRefusals)
	}
	if !o.BinaryFrames.Valid() {
		return fmt.Errorf("ws: Options.BinaryFrames: unknown value %d: use On or Off", o.BinaryFrames)
	}
	if !reflect.ValueOf(o.Codec).Comparable() {
		return fmt.Errorf("ws: Options.Codec: values of %T cannot be compared: use a pointer", o.Codec)
	}
	return nil
}
