package client

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Options configure a [Conn]. Zero fields keep the default.
type Options struct {
	// Params are the values of the {names} in the URL, unescaped.
	Params map[string]string

	// Token returns the token of the next handshake; it is called before each attempt to connect. "" sends
	// none. An error counts as a failed attempt; [ErrNoToken] closes the Conn for good. After the close code 4401, which
	// means that the token has expired, a Conn with Token connects again.
	Token func(ctx context.Context) (string, error)
	// TokenIn is where the token travels. Default [InHeader].
	TokenIn TokenPlace
	// Header is added to each handshake. Do not change it afterwards.
	Header http.Header
	// Subprotocols are offered in each handshake, after gatehouse.v1 and that of the token. Servers of Gatehouse select gatehouse.v1.
	Subprotocols []string
	// HTTPClient makes the handshakes: set its Transport for TLS and proxies. Default: the settings of
	// http.DefaultTransport. 10 redirects are followed, none from wss to ws; its CheckRedirect may refuse more.
	HTTPClient *http.Client

	// OnConnect is called on each new connection before it is [Open], for what every connection needs, such as joining
	// rooms again, unless [Conn.Recovered]. What it sends by its ctx goes ahead of the messages that wait. An error, and a call that
	// takes longer than Timeout, are a failed attempt.
	OnConnect func(ctx context.Context, c *Conn) error
	// OnState is called with each new state, in order, on one goroutine. It must return soon: the next
	// attempt to connect waits for it. err is why the Conn waits, or is closed if that was not by Close.
	OnState func(s State, err error)
	// Trace returns the W3C Trace Context of a context: it goes to the server with each Emit, Call and Stream that has the context, for its
	// observers (see observe.Handling). "" sends none, as does what has another form: a traceparent of other than 55 characters, a
	// tracestate of more than 512. It is called on the goroutine of the caller. With OpenTelemetry:
	//
	//	o.Trace = func(ctx context.Context) (traceparent, tracestate string) {
	//		c := propagation.MapCarrier{}
	//		propagation.TraceContext{}.Inject(ctx, c)
	//		return c["traceparent"], c["tracestate"]
	//	}
	//
	// Handshakes have what the Transport of HTTPClient adds.
	Trace func(ctx context.Context) (traceparent, tracestate string)
	// Logger receives connections that are made and lost, errors and panics of handlers, and errors of the server that belong to no
	// request. It gets no payloads, and of URLs no query. Default slog.Default().
	Logger *slog.Logger

	// Timeout is how long a call waits for its answer, the wait for the connection included, and Close for answers, where
	// ctx has no deadline; also how long the function of [Answer] and OnConnect may take. Default 10 s.
	Timeout time.Duration
	// ConnectTimeout is how long an attempt to connect may take. Default 20 s.
	ConnectTimeout time.Duration
	// FirstRetry is the pause before the second attempt. It doubles with each attempt up to LongestRetry,
	// and a random part between half and all of it is taken. Defaults 500 ms and 30 s. A server that
	// stops (websockets.EventShutdown), or refuses the client, may make one pause longer, up to an hour.
	FirstRetry, LongestRetry time.Duration
	// PingInterval is how long the server may be silent before the client sends a ping, PingTimeout how long it may be silent
	// afterwards until the connection is lost. Defaults 25 s and 20 s. A negative PingInterval sends none.
	PingInterval, PingTimeout time.Duration
	// ExceptionEvent is the name under which the server sends errors; see websockets.ExceptionEvent. Default "exception".
	ExceptionEvent string
	// Limits bound what is kept.
	Limits Limits
}

// TokenPlace is where the token of a handshake travels. Package jwtauth finds it in both places.
type TokenPlace uint8

// The places of a token.
const (
	// InHeader sends Authorization: Bearer and the token.
	InHeader TokenPlace = iota
	// InSubprotocol offers the subprotocols bearer and the token, as browsers do.
	InSubprotocol
)

// Limits bound what a [Conn] keeps. Zero fields keep the default.
type Limits struct {
	// Queued and QueuedBytes are how many messages wait to be sent. With more, Emit and Call
	// return [ErrQueueFull] while there is no connection, and wait while there is one. Defaults 1,000 and 1 MiB.
	Queued, QueuedBytes int
	// Unanswered is how many requests may have no answer yet. Default 10,000.
	Unanswered int
	// Items and ItemBytes are how many items of one stream may be unread: more end it with
	// [ErrTooSlow]. Defaults 1,000 and 8 MiB.
	Items, ItemBytes int
	// Events and EventBytes are how many events wait for the handlers. With more, nothing is read from the
	// connection, so that the server's limits for slow clients apply; while requests are unanswered it
	// reads on up to 8 times as many, because a handler may wait for one of the answers. Defaults 1,000 and 8 MiB.
	Events, EventBytes int
	// Answering is how many calls of the server are answered at a time. Further ones are
	// logged and not answered, as are those of a server that does not read Queued answers. Default 100.
	Answering int
	// MaxMessage is the size of the largest message of the server, in bytes; a larger one ends the connection. Default 16 MiB.
	MaxMessage int
}

func orDefault[T int | time.Duration](v *T, or T) {
	if *v == 0 {
		*v = or
	}
}

// withDefaults returns the options with the defaults. The error names the field that is wrong.
func (o Options) withDefaults() (Options, error) {
	orDefault(&o.Timeout, 10*time.Second)
	orDefault(&o.ConnectTimeout, 20*time.Second)
	orDefault(&o.FirstRetry, 500*time.Millisecond)
	orDefault(&o.LongestRetry, 30*time.Second)
	orDefault(&o.PingInterval, 25*time.Second)
	orDefault(&o.PingTimeout, 20*time.Second)
	orDefault(&o.Limits.Queued, 1000)
	orDefault(&o.Limits.QueuedBytes, 1<<20)
	orDefault(&o.Limits.Unanswered, 10_000)
	orDefault(&o.Limits.Items, 1000)
	orDefault(&o.Limits.ItemBytes, 8<<20)
	orDefault(&o.Limits.Events, 1000)
	orDefault(&o.Limits.EventBytes, 8<<20)
	orDefault(&o.Limits.Answering, 100)
	orDefault(&o.Limits.MaxMessage, 16<<20)
	if o.ExceptionEvent == "" {
		o.ExceptionEvent = websockets.EventException
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.TokenIn > InSubprotocol {
		return o, fmt.Errorf("client: Options.TokenIn: %d is no place of a token: use InHeader or InSubprotocol", o.TokenIn)
	}
	l := o.Limits
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Timeout", int64(o.Timeout)}, {"ConnectTimeout", int64(o.ConnectTimeout)}, {"FirstRetry", int64(o.FirstRetry)},
		{"LongestRetry", int64(o.LongestRetry)}, {"PingTimeout", int64(o.PingTimeout)},
		{"Limits.Queued", int64(l.Queued)}, {"Limits.QueuedBytes", int64(l.QueuedBytes)}, {"Limits.Unanswered", int64(l.Unanswered)},
		{"Limits.Items", int64(l.Items)}, {"Limits.ItemBytes", int64(l.ItemBytes)}, {"Limits.Events", int64(l.Events)},
		{"Limits.EventBytes", int64(l.EventBytes)}, {"Limits.Answering", int64(l.Answering)}, {"Limits.MaxMessage", int64(l.MaxMessage)},
	} {
		if f.value < 0 {
			return o, fmt.Errorf("client: Options.%s is negative: leave it 0 for the default, or set a positive value", f.name)
		}
	}
	return o, nil
}
