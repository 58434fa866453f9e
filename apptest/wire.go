package apptest

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// Wire is the client side of one connection in a protocol of your own, for [TryDial]. It
// encodes and decodes; the [Client] on it matches answers, waits and fails the test.
type Wire interface {
	// Send encodes a packet and writes it. Only one goroutine calls it at a time. The error
	// is [errors.ErrUnsupported] for a kind that the protocol does not have.
	Send(ctx context.Context, p Packet) error
	// Receive returns the next packet. Only one goroutine calls it. The server's close is
	// a packet of the kind PacketClose. An error of the network, io.EOF and net.ErrClosed
	// included, is a connection that was cut, with the code 1006. Any other error is a
	// server that violates the protocol, and fails the test.
	Receive() (Packet, error)
	// NetConn returns the network connection. The client closes it at the end, resets it in
	// [Client.Abort], and writes to it in [Raw.Bytes].
	NetConn() net.Conn
}

// PacketKind is what a [Packet] is.
type PacketKind uint8

// The kinds of packets.
const (
	PacketOther  PacketKind = iota // not for the test; only received
	PacketEvent                    // Event and the payload; a request with Reply and ID
	PacketAnswer                   // the answer to the request with the ID
	PacketCancel                   // ends the stream of the request with the ID; only sent
	PacketPing                     // a heartbeat; the client sends a PacketPong for one received
	PacketPong                     // its answer
	PacketClose                    // Close; the client sends one for one received
	PacketRaw                      // Text, or one attachment, unchanged, for [Client.Raw]; only sent
)

// Packet is one message of a protocol, in either direction.
type Packet struct {
	Kind PacketKind
	// Event is the name of an event. An answer with it is a failure that the protocol sends
	// as the event "exception".
	Event string
	// Data is the payload: empty without an argument, the argument itself, or an array of
	// several; []byte is base64 text.
	Data json.RawMessage
	// Args are the arguments before they were encoded as Data. Only in packets to send.
	Args []any
	// Attachments are the parts that were received as binary.
	Attachments [][]byte
	// Reply reports that the sender waits for an answer with the ID.
	Reply bool
	// ID is that of a request. The client counts its own from 1.
	ID uint64
	// InReplyTo is the ID of the request whose stream the event is an item of, where the
	// protocol sends it; otherwise 0.
	InReplyTo uint64
	// Failure is the failure that an answer is, where the protocol does not send it as an
	// event.
	Failure *Exception
	// Close is the close code and text.
	Close Close
	// Text is the message as it was received, for [Raw.Expect]; with PacketRaw what to send.
	Text string
}

// OpenFunc connects a client and does the handshake. If the server rejects the client, the
// error is a [*DialError].
type OpenFunc func(ctx context.Context, o *DialConfig) (Wire, error)

// Dial connects a client in a protocol of your own, and fails the test if the server
// rejects it.
//
//	c := apptest.Dial(t, func(ctx context.Context, o *apptest.DialConfig) (apptest.Wire, error) {
//		conn, err := o.Upgrade(ctx, url, "lines")
//		if err != nil {
//			return nil, err
//		}
//		return &lines{conn, bufio.NewReader(conn)}, nil
//	})
func Dial(t testing.TB, open OpenFunc, opts ...DialOption) *Client {
	t.Helper()
	c, err := TryDial(t, open, opts...)
	if err != nil {
		t.Fatalf("apptest: Dial: %v", err)
	}
	return c
}

// TryDial is [Dial] with an error.
func TryDial(t testing.TB, open OpenFunc, opts ...DialOption) (*Client, error) {
	t.Helper()
	return dial(t, open, 1, opts)
}

// Connect dials the host of an http:// or https:// URL with the dialer and the TLS
// configuration of the options.
func (o *DialConfig) Connect(ctx context.Context, address string) (net.Conn, error) {
	u, err := parseTarget(address)
	if err != nil {
		return nil, err
	}
	secure := u.Scheme == "https" || u.Scheme == "wss"
	port := "80"
	if secure {
		port = "443"
	}
	conn, err := o.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)))
	if err != nil || !secure {
		return conn, err
	}
	cfg := o.TLS.Clone()
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = u.Hostname()
	}
	over := tls.Client(conn, cfg)
	if err := over.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return over, nil
}

// Upgrade connects with a GET request that asks for an upgrade to a protocol, with the
// header of the options, and returns the connection after the response 101. The error is a
// [*DialError] for any other response.
func (o *DialConfig) Upgrade(ctx context.Context, address, protocol string) (net.Conn, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	if o.Header != nil {
		req.Header = o.Header.Clone()
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", protocol)
	conn, err := o.Connect(ctx, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	x := &upgraded{Conn: conn, r: bufio.NewReader(conn)}
	err = x.handshake(req)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return x, nil
}

// upgraded reads what was buffered with the response first.
type upgraded struct {
	net.Conn

	r *bufio.Reader
}

func (x *upgraded) Read(p []byte) (int, error) { return x.r.Read(p) }

func (x *upgraded) handshake(req *http.Request) error {
	if err := req.Write(x.Conn); err != nil {
		return err
	}
	res, err := http.ReadResponse(x.r, req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	if err != nil {
		return fmt.Errorf("body of the %s response: %w", res.Status, err)
	}
	return newDialError(res.StatusCode, body)
}

// cut reports whether an error of Receive is one of the network.
func cut(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// lingerer is a connection that can be reset: of TCP, or in memory.
type lingerer interface {
	net.Conn
	SetLinger(seconds int) error
}

// tcpOf returns the connection below others that can be reset.
func tcpOf(conn net.Conn) (lingerer, bool) {
	for {
		switch c := conn.(type) {
		case lingerer:
			return c, true
		case *upgraded:
			conn = c.Conn
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return nil, false
		}
	}
}
