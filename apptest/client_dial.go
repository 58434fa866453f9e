package apptest

import (
	"bytes"
	"cmp"
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
)

// DialOption configures [DialWS], [DialSocketIO] and [Dial].
type DialOption func(*DialConfig)

// DialConfig is what the options of a dial say, for an [OpenFunc].
type DialConfig struct {
	Header       http.Header   // of the handshake request; nil without WithHeader
	Auth         any           // of WithAuth
	Namespace    string        // of WithNamespace
	Path         string        // of WithPath
	Subprotocols []string      // of WithSubprotocols
	Timeout      time.Duration // of the handshake, and of every wait
	TLS          *tls.Config   // of WithTLS
	Resumes      *Client       // of WithRecovery
	// DialContext is the dialer; without WithDialer that of package net, or that of [InMemory].
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// WithoutPong leaves heartbeats unanswered. A Wire that returns them as PacketPing need
	// not look at it.
	WithoutPong bool
}

const defaultTimeout = 15 * time.Second

// WithHeader adds fields to the handshake request, such as Origin or Cookie.
func WithHeader(h http.Header) DialOption {
	return func(o *DialConfig) { o.Header = h.Clone() }
}

// WithAuth sets the payload of the Socket.IO CONNECT packet, `auth` in the JavaScript
// client. It is an error on plain WebSocket: use WithHeader or the URL's query there.
func WithAuth(payload any) DialOption {
	return func(o *DialConfig) { o.Auth = payload }
}

// WithNamespace sets the Socket.IO namespace. Default "/".
func WithNamespace(namespace string) DialOption {
	return func(o *DialConfig) { o.Namespace = namespace }
}

// WithPath sets the path of the server. Default: "/socket.io/" on Socket.IO, the path
// of the URL on plain WebSocket.
func WithPath(path string) DialOption {
	return func(o *DialConfig) { o.Path = path }
}

// WithSubprotocols offers WebSocket subprotocols, in order of preference. With "gatehouse.v1",
// if the server selects it, a client of [DialWS] has an ID, and a refusal that the server
// explains is a [DialError], as one by an HTTP status is.
func WithSubprotocols(names ...string) DialOption {
	return func(o *DialConfig) { o.Subprotocols = names }
}

// WithTimeout limits the handshake and every later wait of the client. Default 15 s.
func WithTimeout(d time.Duration) DialOption {
	return func(o *DialConfig) { o.Timeout = d }
}

// WithTLS sets the TLS configuration for wss:// and https://.
func WithTLS(cfg *tls.Config) DialOption {
	return func(o *DialConfig) { o.TLS = cfg }
}

// WithDialer replaces the TCP dialer, for servers that listen in memory.
func WithDialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) DialOption {
	return func(o *DialConfig) { o.DialContext = dial }
}

// WithoutPong leaves heartbeats unanswered, like a dead client.
func WithoutPong() DialOption {
	return func(o *DialConfig) { o.WithoutPong = true }
}

// WithRecovery connects as the client that another one was, which has been cut off: the server
// recovers its connection state, see socketio.Recovery and ws.Recovery. Then both have the same ID,
// and what was missed arrives. On plain WebSocket it needs the subprotocol gatehouse.v1, see
// [WithSubprotocols].
//
//	c.Abort()
//	back := a.DialSocketIO("/", apptest.WithRecovery(c))
func WithRecovery(c *Client) DialOption {
	return func(o *DialConfig) { o.Resumes = c }
}

// DialError is the error of a rejected handshake or namespace.
type DialError struct {
	// Status is the HTTP status; 0 if the server accepted the connection and
	// rejected the namespace (connect_error); 401, 403, 429, 500 or 503 if it explained the
	// rejection by gatehouse.v1.
	Status int
	// Body is the body of the HTTP response, or the data of the exception of gatehouse.v1.
	Body []byte
	// Message is the message of the connect_error, or "message" of a JSON body.
	Message string
	// Data is the data of the connect_error, or of the exception of gatehouse.v1.
	Data json.RawMessage
}

// Error returns the status or "connect_error", and the message.
func (e *DialError) Error() string {
	if e.Status == 0 {
		return "connect_error: " + e.Message
	}
	return fmt.Sprintf("%d %s: %s", e.Status, http.StatusText(e.Status), cmp.Or(e.Message, string(e.Body)))
}

func dial(t testing.TB, open OpenFunc, firstID uint64, opts []DialOption) (*Client, error) {
	t.Helper()
	o := DialConfig{Timeout: defaultTimeout, DialContext: dialNetwork}
	for _, opt := range opts {
		opt(&o)
	}
	ctx, cancel := context.WithTimeout(t.Context(), o.Timeout)
	defer cancel()
	wire, err := open(ctx, &o)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("the handshake took longer than %v: %w", o.Timeout, err)
		}
		return nil, err
	}
	c := &Client{
		t: t, opts: o, wire: wire,
		calls:    map[uint64]*pendingCall{},
		answered: map[uint64]bool{},
		answers:  map[string]func(json.RawMessage) any{},
		nextID:   firstID,
	}
	c.reading.Go(c.read)
	t.Cleanup(func() {
		c.Close()
		c.answering.Wait()
	})
	return c, nil
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
	r.err = newDialError(res.StatusCode, body)
	return res, nil
}

func newDialError(status int, body []byte) *DialError {
	e := &DialError{Status: status, Body: body}
	var reply struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &reply) == nil {
		e.Message = reply.Message
	}
	return e
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
