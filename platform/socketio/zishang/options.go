package zishang

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/cors"
	"github.com/gatehouse-go/gatehouse/internal/sidcookie"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The transports of Engine.IO, for [Options.Transports].
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// Options configures Socket.IO servers. Given to [New] they are the defaults of
// every server of the adapter; given among a gateway's options they override
// those defaults, field by field, on that gateway's server:
//
//	websockets.Gateway(NewGateway, zishang.Options{Transports: []string{zishang.WebSocket}})
//
// Sizes, heartbeats and origins are not here: they are [websockets.WithLimits]
// and [websockets.Origins], the same on every platform. A zero field is not set.
type Options struct {
	// Transports that are offered: [Polling], [WebSocket]. Default: both. With
	// WebSocket alone, clients must set transports: ["websocket"].
	Transports []string
	// Upgrades lets clients that start with polling continue over WebSocket. Default On.
	Upgrades Switch
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
	// HTTPCompression is the size in bytes from which polling responses are
	// compressed for clients that accept it. Default 0: never.
	HTTPCompression int
	// CORS is for browser pages of other origins on polling. Which origins those
	// are is [websockets.Origins]' to say.
	CORS CORS
	// Cookie, when not nil, is set with the Engine.IO session id as its value on
	// handshakes over polling, for load balancers that need one for sticky
	// sessions. Its Name defaults to "io", Path to "/", SameSite to Lax. It
	// is always HttpOnly. Set Secure where clients connect by HTTPS only.
	Cookie *http.Cookie
}

// CORS is sent to browsers about cross-origin requests. It never widens
// the set of allowed origins.
type CORS struct {
	// Credentials lets pages of allowed origins use cookies over polling:
	// Access-Control-Allow-Credentials. Browsers send cookies over WebSocket in any case.
	// Default On.
	Credentials Switch
	// AllowedHeaders may be sent by pages. Default: those that the preflight asks for.
	AllowedHeaders []string
	// MaxAge is how long browsers may keep the answer to a preflight. Default: not sent (5 s).
	MaxAge time.Duration
}

// Switch is a boolean option: [On], [Off], or unset, which keeps the value from before.
type Switch = adapter.Switch

// The values of a [Switch].
const (
	On  = adapter.On
	Off = adapter.Off
)

var _ adapter.PlatformOption = Options{}

// ApplyGateway records the options for the gateway's server.
func (o Options) ApplyGateway(c *adapter.GatewayConfig) { c.AddPlatform(o) }

// PlatformName is "socketio".
func (o Options) PlatformName() string { return platformName }

// complete fills in the defaults and refuses what cannot work.
func (o Options) complete() (Options, error) {
	if o.Transports == nil {
		o.Transports = []string{Polling, WebSocket}
	}
	if len(o.Transports) == 0 {
		return o, fmt.Errorf("zishang: Options.Transports is empty: leave it nil for both, or name %q or %q", Polling, WebSocket)
	}
	for _, t := range o.Transports {
		if t != Polling && t != WebSocket {
			return o, fmt.Errorf("zishang: Options.Transports has %q: it may be %q or %q", t, Polling, WebSocket)
		}
	}
	if o.UpgradeTimeout < 0 || o.ConnectTimeout < 0 || o.HTTPCompression < 0 || o.CORS.MaxAge < 0 {
		return o, fmt.Errorf("zishang: Options has a negative duration or size: use 0 for the default")
	}
	if !o.Upgrades.Valid() || !o.CORS.Credentials.Valid() {
		return o, fmt.Errorf("zishang: Options.Upgrades or CORS.Credentials has an unknown value: use On or Off")
	}
	o.Upgrades, o.CORS.Credentials = cmp.Or(o.Upgrades, On), cmp.Or(o.CORS.Credentials, On)
	if o.UpgradeTimeout == 0 {
		o.UpgradeTimeout = 10 * time.Second
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 15 * time.Second
	}
	o.MaxConnecting = cmp.Or(o.MaxConnecting, 1000)
	o.MaxUnpolled = cmp.Or(o.MaxUnpolled, 1000)
	if err := o.headers().Check(); err != nil {
		return o, fmt.Errorf("zishang: Options.CORS.%w", err)
	}
	var err error
	if o.Cookie, err = sidcookie.Complete(o.Cookie); err != nil {
		return o, fmt.Errorf("zishang: Options.Cookie: %w", err)
	}
	return o, nil
}

// headers returns the CORS headers of answers.
func (o Options) headers() cors.Headers {
	return cors.Headers{
		DisableCredentials: o.CORS.Credentials == Off, AllowedHeaders: o.CORS.AllowedHeaders, MaxAge: o.CORS.MaxAge,
	}
}

func (o Options) offers(transport string) bool { return slices.Contains(o.Transports, transport) }
