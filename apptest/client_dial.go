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

// DialOption configures [DialWS] and [DialSocketIO].
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
	withoutPong  bool
}

const defaultTimeout = 5 * time.Second

// WithHeader adds fields to the handshake request, such as Origin or Cookie.
func WithHeader(h http.Header) DialOption {
	return func(o *dialOptions) { o.header = h.Clone() }
}

// WithAuth sets the payload of the Socket.IO CONNECT packet, `auth` in the JavaScript
// client. It is an error on plain WebSocket: use WithHeader or the URL's query there.
func WithAuth(payload any) DialOption {
	return func(o *dialOptions) { o.auth = payload }
}

// WithNamespace sets the Socket.IO namespace. Default "/".
func WithNamespace(namespace string) DialOption {
	return func(o *dialOptions) { o.namespace = namespace }
}

// WithPath sets the path of the server. Default: "/socket.io/" on Socket.IO, the path
// of the URL on plain WebSocket.
func WithPath(path string) DialOption {
	return func(o *dialOptions) { o.path = path }
}

// WithSubprotocols offers WebSocket subprotocols, in order of preference.
func WithSubprotocols(names ...string) DialOption {
	return func(o *dialOptions) { o.subprotocols = names }
}

// WithTimeout limits the handshake and every later wait of the client. Default 5 s.
func WithTimeout(d time.Duration) DialOption {
	return func(o *dialOptions) { o.timeout = d }
}

// WithTLS sets the TLS configuration for wss:// and https://.
func WithTLS(cfg *tls.Config) DialOption {
	return func(o *dialOptions) { o.tls = cfg }
}

// WithDialer replaces the TCP dialer, for servers that listen in memory.
func WithDialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) DialOption {
	return func(o *dialOptions) { o.dialer = dial }
}

// WithoutPong leaves heartbeats unanswered, like a dead client.
func WithoutPong() DialOption {
	return func(o *dialOptions) { o.withoutPong = true }
}

// DialError is the error of a rejected handshake or namespace.
type DialError struct {
	// Status is the HTTP status; 0 if the server accepted the connection and
	// rejected the namespace (connect_error).
	Status int
	// Body is the body of the HTTP response.
	Body []byte
	// Message is the message of the connect_error, or "message" of a JSON body.
	Message string
	// Data is the data of the connect_error.
	Data json.RawMessage
}

// Error returns the status or "connect_error", and the message.
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

// connect performs the WebSocket handshake. Each client has its own transport, so that
// no connection outlives it, and keeps the TCP connection for Abort.
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
	rejected := &rejection{next: transport}
	//nolint:bodyclose // Dial closes it
	ws, res, err := websocket.Dial(ctx, target, &websocket.DialOptions{
		HTTPClient:     &http.Client{Transport: rejected, CheckRedirect: noRedirect},
		HTTPHeader:     c.opts.header,
		Host:           c.opts.header.Get("Host"),
		Subprotocols:   c.opts.subprotocols,
		OnPingReceived: func(context.Context, []byte) bool { return !c.opts.withoutPong },
	})
	if err != nil {
		if rejected.err != nil {
			return rejected.err
		}
		return err
	}
	ws.SetReadLimit(-1)
	c.ws, c.response = ws, res
	return nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// rejection records a response that is not an upgrade. Dial truncates its body.
type rejection struct {
	next http.RoundTripper
	err  *DialError
}

const maxErrorBody = 1 << 20

func (r *rejection) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := r.next.RoundTrip(req)
	if err != nil || res.StatusCode == http.StatusSwitchingProtocols {
		return res, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	err = errors.Join(err, res.Body.Close())
	if err != nil {
		return nil, fmt.Errorf("body of the %s response: %w", res.Status, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	r.err = &DialError{Status: res.StatusCode, Body: body}
	var reply struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &reply) == nil {
		r.err.Message = reply.Message
	}
	return res, nil
}

// parseTarget parses the URL of a server.
func parseTarget(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
		return u, nil
	}
	return nil, fmt.Errorf("the URL must start with ws://, wss://, http:// or https://, not %q", u.Scheme)
}
