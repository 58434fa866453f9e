package apptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// DialOption is an option of [DialWS] and [DialSocketIO].
type DialOption func(*dialOptions)

type dialOptions struct {
	header       http.Header
	auth         any
	namespace    string
	path         string
	subprotocols []string
	timeout      time.Duration
	tls          *tls.Config
	dialer       func(ctx context.Context, network, addr string) (net.Conn, error)
	mute         bool
}

const defaultTimeout = 5 * time.Second

// WithHeader adds fields to the handshake request, such as Origin or Cookie.
func WithHeader(h http.Header) DialOption {
	return func(o *dialOptions) { o.header = h.Clone() }
}

// WithAuth is the payload that goes along with entering a namespace, `auth` in
// the JavaScript client. Plain WebSocket has no such thing: use WithHeader, or a
// query in the URL.
func WithAuth(payload any) DialOption {
	return func(o *dialOptions) { o.auth = payload }
}

// WithNamespace is the Socket.IO namespace to enter. The default is "/".
func WithNamespace(namespace string) DialOption {
	return func(o *dialOptions) { o.namespace = namespace }
}

// WithPath is the path of the server: "/socket.io/" by default on Socket.IO, the
// URL's own on plain WebSocket.
func WithPath(path string) DialOption {
	return func(o *dialOptions) { o.path = path }
}

// WithSubprotocols offers WebSocket subprotocols, the preferred one first.
func WithSubprotocols(names ...string) DialOption {
	return func(o *dialOptions) { o.subprotocols = names }
}

// WithTimeout bounds the handshake, and then every wait of the client. The
// default is 5 s.
func WithTimeout(d time.Duration) DialOption {
	return func(o *dialOptions) { o.timeout = d }
}

// WithTLS is the configuration for wss:// and https://.
func WithTLS(cfg *tls.Config) DialOption {
	return func(o *dialOptions) { o.tls = cfg }
}

// WithDialer makes the connection by dial instead of by TCP, for servers that
// listen in memory.
func WithDialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) DialOption {
	return func(o *dialOptions) { o.dialer = dial }
}

// WithoutPong leaves heartbeats unanswered, as a peer that is gone would.
func WithoutPong() DialOption {
	return func(o *dialOptions) { o.mute = true }
}

// DialError is the refusal of a handshake.
type DialError struct {
	// Status is the HTTP status; 0 when the server accepted the connection and
	// then refused the namespace (connect_error).
	Status int
	// Body is the body of the HTTP answer.
	Body []byte
	// Message is the text of the connect_error, or "message" of a JSON body.
	Message string
	// Data is what came along with a connect_error.
	Data json.RawMessage
}

// Error tells the status or that it was a connect_error, and the message.
func (e *DialError) Error() string {
	if e.Status == 0 {
		return "connect_error: " + e.Message
	}
	text := e.Message
	if text == "" {
		text = string(e.Body)
	}
	return fmt.Sprintf("%d %s: %s", e.Status, http.StatusText(e.Status), text)
}

func dial(t testing.TB, address string, proto protocol, opts []DialOption) (*Client, error) {
	t.Helper()
	o := dialOptions{timeout: defaultTimeout, dialer: new(net.Dialer).DialContext}
	for _, opt := range opts {
		opt(&o)
	}
	target, err := proto.target(address, &o)
	if err != nil {
		return nil, err
	}
	c := &Client{
		t: t, opts: o, proto: proto,
		changed:  make(chan struct{}),
		calls:    map[uint64]*pendingCall{},
		answered: map[uint64]bool{},
		answers:  map[string]func(json.RawMessage) any{},
		nextID:   proto.firstID(),
	}
	ctx, cancel := context.WithTimeout(t.Context(), o.timeout)
	defer cancel()
	if err := c.connect(ctx, target); err != nil {
		return nil, err
	}
	if err := proto.open(ctx, c); err != nil {
		_ = c.ws.CloseNow()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("the handshake took longer than %v: %w", o.timeout, err)
		}
		return nil, err
	}
	c.reading.Go(c.read)
	t.Cleanup(func() {
		c.Close()
		c.answering.Wait()
	})
	return c, nil
}

// connect does the WebSocket handshake. The client has a transport of its own,
// so that nothing outlives it, and holds the TCP connection for Abort.
func (c *Client) connect(ctx context.Context, target string) error {
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   c.opts.tls,
		Protocols:         new(http.Protocols),
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := c.opts.dialer(ctx, network, addr)
			c.tcp = conn
			return conn, err
		},
	}
	transport.Protocols.SetHTTP1(true)
	defer transport.CloseIdleConnections()
	refused := &refusal{next: transport}
	//nolint:bodyclose // Dial closes it
	ws, res, err := websocket.Dial(ctx, target, &websocket.DialOptions{
		HTTPClient:     &http.Client{Transport: refused, CheckRedirect: noRedirect},
		HTTPHeader:     c.opts.header,
		Host:           c.opts.header.Get("Host"),
		Subprotocols:   c.opts.subprotocols,
		OnPingReceived: func(context.Context, []byte) bool { return !c.opts.mute },
	})
	if err != nil {
		if refused.err != nil {
			return refused.err
		}
		return err
	}
	ws.SetReadLimit(-1)
	c.ws, c.response = ws, res
	return nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// refusal keeps an answer that is no upgrade. Dial itself would cut its body short.
type refusal struct {
	next http.RoundTripper
	err  *DialError
}

const maxRefusal = 1 << 20

func (r *refusal) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := r.next.RoundTrip(req)
	if err != nil || res.StatusCode == http.StatusSwitchingProtocols {
		return res, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	err = errors.Join(err, res.Body.Close())
	if err != nil {
		return nil, fmt.Errorf("body of the %s answer: %w", res.Status, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	r.err = &DialError{Status: res.StatusCode, Body: body}
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) == nil {
		r.err.Message = said.Message
	}
	return res, nil
}

// parseTarget accepts what both protocols do.
func parseTarget(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
		return u, nil
	}
	return nil, fmt.Errorf("the URL must begin with ws://, wss://, http:// or https://, not %q", u.Scheme)
}
