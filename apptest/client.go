// Package apptest tests applications from the outside, with clients for both protocols
// that use a real connection and fail the test on errors. [Dial] makes one for a protocol of
// your own.
package apptest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Client is the client side of one connection, to a plain WebSocket server ([DialWS]),
// a Socket.IO server ([DialSocketIO]) or one with a protocol of your own ([Dial]). Only the
// dial differs:
//
//	c := apptest.DialSocketIO(t, url, apptest.WithNamespace("/chat"))
//	room := apptest.Call[Room](c, "join", "lobby")
//	c.Emit("post", Post{Text: "hello"})
//	post := apptest.Expect[Post](c, "posted")
//
// Errors fail the test at once: a closed connection, no answer within the timeout, a
// frame that violates the protocol. Methods with the prefix Try return an error
// instead.
//
// A Client is safe for concurrent use. Methods that fail the test call
// [testing.TB.Fatalf], so call them on the test's goroutine; use the Try methods on
// others. The connection closes when the test ends.
type Client struct {
	t    testing.TB
	opts DialConfig
	wire Wire

	writing   sync.Mutex     // keeps the frames of a packet together
	reading   sync.WaitGroup // the reading goroutine
	answering sync.WaitGroup // answers to the server's calls
	closeOnce sync.Once

	mu       testkit.Cond // updated on each change of the fields below
	arrived  []Message    // not yet consumed by the test
	raw      []string     // text frames, not yet consumed by the test
	calls    map[uint64]*pendingCall
	answered map[uint64]bool
	nextID   uint64
	pongs    int
	answers  map[string]func(json.RawMessage) any
	closing  bool // by Close or Abort: errors are expected
	closed   *Close
}

// Message is a received event.
type Message struct {
	// Event is the name; empty if the frame has none, such as the reply to a
	// request that was not sent by [Client.Call].
	Event string
	// Data is the payload as JSON, with binary parts as base64: empty without an
	// argument, the argument itself, or a JSON array of several.
	Data json.RawMessage
	// Attachments are the parts that were sent as binary.
	Attachments [][]byte
	// InReplyTo is the id of the request whose stream the event is an item of, as plain
	// WebSocket sends it as "re"; otherwise 0. See [Client.Cancel].
	InReplyTo uint64

	// reply is set if the server waits for an answer with this id.
	reply bool
	id    uint64
}

// Close describes how a connection closed.
type Close struct {
	// Code is the WebSocket close code: 1005 for a close frame without one, 1006
	// without a close frame, 0 if a Socket.IO server disconnected the namespace
	// and kept the connection.
	Code int
	// Reason is the text of the close frame. On Socket.IO it is the reason of the
	// JavaScript client, such as "io server disconnect" or "transport close".
	Reason string
}

// String returns the code and the reason.
func (c Close) String() string {
	if c.Reason == "" {
		return fmt.Sprint(c.Code)
	}
	return fmt.Sprintf("%d %s", c.Code, c.Reason)
}

// DialWS connects to a plain WebSocket server, whose frames are
// {"event":…,"data":…,"id":…}, and fails the test if the server rejects it. url is
// ws://… or http://… with the path of the server. The server may have the client among its own a moment
// later: have the client call something before the server sends to all.
func DialWS(t testing.TB, url string, opts ...DialOption) *Client {
	t.Helper()
	c, err := TryDialWS(t, url, opts...)
	if err != nil {
		t.Fatalf("apptest: DialWS(%s): %v", url, err)
	}
	return c
}

// DialSocketIO connects to a Socket.IO server (protocol 5, Engine.IO 4, websocket
// transport only) and its namespace, and fails the test if the server rejects it. url
// is http://… or ws://…; as in the JavaScript client, its path is the namespace.
func DialSocketIO(t testing.TB, url string, opts ...DialOption) *Client {
	t.Helper()
	c, err := TryDialSocketIO(t, url, opts...)
	if err != nil {
		t.Fatalf("apptest: DialSocketIO(%s): %v", url, err)
	}
	return c
}

// TryDialWS is [DialWS] with an error, which is a [*DialError] if the server rejects
// the handshake:
//
//	_, err := apptest.TryDialWS(t, url)
//	rejected, _ := errors.AsType[*apptest.DialError](err)
func TryDialWS(t testing.TB, url string, opts ...DialOption) (*Client, error) {
	t.Helper()
	return dial(t, openWebSocket(url, &wsProtocol{}), 1, opts)
}

// TryDialSocketIO is [DialSocketIO] with an error, which is a [*DialError] if the
// server rejects the handshake or the namespace.
func TryDialSocketIO(t testing.TB, url string, opts ...DialOption) (*Client, error) {
	t.Helper()
	return dial(t, openWebSocket(url, &sioProtocol{}), 0, opts) // 0 as in the JavaScript client
}

// ID returns the id that the server has sent: on Socket.IO, and on plain WebSocket with the
// subprotocol gatehouse.v1; otherwise "".
func (c *Client) ID() string {
	if w, ok := c.wire.(*webSocket); ok {
		return w.sid
	}
	return ""
}

// Subprotocol returns the WebSocket subprotocol that the server selected.
func (c *Client) Subprotocol() string {
	if w, ok := c.wire.(*webSocket); ok {
		return w.ws.Subprotocol()
	}
	return ""
}

// Header returns the header of the response to a WebSocket handshake.
func (c *Client) Header() http.Header {
	if w, ok := c.wire.(*webSocket); ok {
		return w.response.Header
	}
	return nil
}

// Emit sends an event. []byte, also inside an argument, is sent as binary on Socket.IO
// and as base64 on plain WebSocket, where several arguments become one array.
func (c *Client) Emit(event string, args ...any) {
	c.t.Helper()
	if err := c.TryEmit(event, args...); err != nil {
		c.t.Fatalf("apptest: Emit(%q): %v", event, err)
	}
}

// TryEmit is [Client.Emit] with an error, for connections that may be closed.
func (c *Client) TryEmit(event string, args ...any) error {
	return c.send(Packet{Kind: PacketEvent, Event: event, Args: args})
}

// OnCall answers the server's future calls of an event with the result of answer,
// which gets their payload. Other calls stay unanswered and can be received with
// [Expect] like other events; see [Client.Answer].
func (c *Client) OnCall(event string, answer func(json.RawMessage) any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[event] = answer
}

// Answer answers one call of the server: with nothing, a value, or several arguments as [Client.Emit] sends them.
func (c *Client) Answer(m Message, args ...any) {
	c.t.Helper()
	if !m.reply {
		c.t.Fatalf("apptest: Answer: %s requests no answer", m)
	}
	if err := c.send(Packet{Kind: PacketAnswer, ID: m.id, Args: args}); err != nil {
		c.t.Fatalf("apptest: Answer(%q): %v", m.Event, err)
	}
}

// Cancel cancels the request whose stream m is an item of. It fails the test if m names no
// request; see [Message].
func (c *Client) Cancel(m Message) {
	c.t.Helper()
	if err := c.TryCancel(m); err != nil {
		c.t.Fatalf("apptest: Cancel(%s): %v", m, err)
	}
}

// TryCancel is [Client.Cancel] with an error, which is [errors.ErrUnsupported] if the
// protocol has nothing to cancel a request.
func (c *Client) TryCancel(m Message) error {
	err := c.send(Packet{Kind: PacketCancel, ID: m.InReplyTo})
	if err == nil && m.InReplyTo == 0 {
		return fmt.Errorf("the event %s names no request", m.Event)
	}
	return err
}

// Close closes the connection as the protocol specifies, and returns when it is
// closed. It is called at the end of the test in any case.
func (c *Client) Close() {
	c.shutdown(func() {
		// Do not wait for a server that never answers the close frame.
		cut := time.AfterFunc(closeTimeout, func() { _ = c.wire.NetConn().Close() })
		defer cut.Stop()
		_ = c.send(Packet{Kind: PacketClose, Close: Close{Code: codeNormal}})
		if _, ok := c.wire.(*webSocket); !ok {
			c.reading.Wait() // for the server's close
		}
	})
}

// Abort drops the connection like a crash: without a close frame, and with a reset on
// TCP.
func (c *Client) Abort() {
	c.shutdown(func() {
		if tcp, ok := tcpOf(c.wire.NetConn()); ok {
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		}
	})
}

const closeTimeout = time.Second

func (c *Client) shutdown(closeConn func()) {
	c.closeOnce.Do(func() {
		c.mu.Lock()
		c.closing = true
		c.mu.Unlock()
		closeConn()
		_ = c.wire.NetConn().Close()
		if w, ok := c.wire.(*webSocket); ok {
			_ = w.ws.CloseNow()
		}
	})
	c.reading.Wait()
}

// send sends a packet without others in between.
func (c *Client) send(p Packet) error {
	if p.Kind == PacketEvent || p.Kind == PacketAnswer {
		var err error
		if p.Data, err = encodeArgs(p.Args); err != nil {
			return err
		}
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if end := c.closeInfo(); end != nil {
		return fmt.Errorf("the connection is closed (%s)", end)
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.Timeout)
	defer cancel()
	return c.wire.Send(ctx, p)
}
