// Package apptest tests applications from the outside: clients for both
// protocols that speak over a real connection and fail the test by themselves.
package apptest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Client is a test's end of one connection, to a plain WebSocket server
// ([DialWS]) or to a Socket.IO one ([DialSocketIO]). Apart from the dialling, a
// test reads the same for both:
//
//	c := apptest.DialSocketIO(t, url, apptest.WithNamespace("/chat"))
//	room := apptest.Call[Room](c, "join", "lobby")
//	c.Emit("post", Post{Text: "hello"})
//	post := apptest.Expect[Post](c, "posted")
//
// What goes wrong fails the test at once: a closed connection, an answer that
// does not come within the timeout, a frame that breaks the protocol. The
// methods whose name begins with Try return an error instead.
//
// It is safe for concurrent use, but methods that fail the test call
// [testing.TB.Fatalf] and so belong on the test's own goroutine; elsewhere use
// the Try forms. The connection is closed when the test ends.
type Client struct {
	t        testing.TB
	opts     dialOptions
	proto    protocol
	ws       *websocket.Conn
	tcp      net.Conn
	response *http.Response
	sid      string

	writing   sync.Mutex     // several frames of one packet stay together
	reading   sync.WaitGroup // the reader
	answering sync.WaitGroup // answers to the server's calls
	closeOnce sync.Once

	mu       sync.Mutex
	changed  chan struct{} // closed and renewed whenever something below changes
	arrived  []Message     // not yet expected by the test
	raw      []string      // text frames as they came, not yet expected by the test
	calls    map[uint64]*pendingCall
	answered map[uint64]bool
	nextID   uint64
	answers  map[string]func(json.RawMessage) any
	leaving  bool // by Close or Abort, so that errors are no news
	closed   *Close
}

// Message is an event that has arrived.
type Message struct {
	// Event is its name; empty for a frame that has none, such as the reply to
	// a request that [Client.Call] did not make.
	Event string
	// Data is the payload as JSON, with binary parts as base64 text in their
	// places: empty without an argument, the argument itself, or a JSON array of
	// several.
	Data json.RawMessage
	// Attachments are the parts that travelled as binary.
	Attachments [][]byte

	// reply tells that an answer is waited for, under id.
	reply bool
	id    uint64
}

// Close tells how a connection ended.
type Close struct {
	// Code is the WebSocket close code: 1005 when the frame had none, 1006
	// when there was no frame, 0 when a Socket.IO server took leave of the
	// namespace and not of the connection.
	Code int
	// Reason is the text that came with Code. On Socket.IO it is what the
	// JavaScript client calls it: "io server disconnect", "transport close".
	Reason string
}

// String is the code and the reason.
func (c Close) String() string {
	if c.Reason == "" {
		return fmt.Sprint(c.Code)
	}
	return fmt.Sprintf("%d %s", c.Code, c.Reason)
}

// protocol is what the two wire formats differ in.
type protocol interface {
	// target is the URL of the handshake.
	target(address string, o *dialOptions) (string, error)
	// open finishes the handshake on c.ws.
	open(ctx context.Context, c *Client) error
	// event, and answer to a call of the server, as frames; asks for a reply
	// under id when reply is set.
	event(name string, args []any, reply bool, id uint64) ([]frame, error)
	answer(id uint64, v any) ([]frame, error)
	// receive takes a frame; an error means that the server broke the protocol.
	receive(c *Client, f frame) error
	// goodbye is what goes before the close frame.
	goodbye() []frame
	// firstID is the number of the first call.
	firstID() uint64
	// ended names the end of the connection.
	ended(code int, reason string, leaving bool) Close
}

// frame is one WebSocket message.
type frame struct {
	binary bool
	data   []byte
}

func textFrame(s string) frame { return frame{data: []byte(s)} }

// DialWS connects to a plain WebSocket server, where every frame is
// {"event":…,"data":…,"id":…}, and fails the test when it is refused. url is
// ws://… or http://…, with the path of the server.
func DialWS(t testing.TB, url string, opts ...DialOption) *Client {
	t.Helper()
	c, err := TryDialWS(t, url, opts...)
	if err != nil {
		t.Fatalf("apptest: DialWS(%s): %v", url, err)
	}
	return c
}

// DialSocketIO connects to a Socket.IO server (protocol 5, over Engine.IO 4 on
// the websocket transport only), enters the namespace, and fails the test when
// it is refused. url is http://… or ws://…; as in the JavaScript client, a path
// in it is the namespace.
func DialSocketIO(t testing.TB, url string, opts ...DialOption) *Client {
	t.Helper()
	c, err := TryDialSocketIO(t, url, opts...)
	if err != nil {
		t.Fatalf("apptest: DialSocketIO(%s): %v", url, err)
	}
	return c
}

// TryDialWS is [DialWS] for servers that may refuse. A refusal is a [*DialError]:
//
//	_, err := apptest.TryDialWS(t, url)
//	refused, _ := errors.AsType[*apptest.DialError](err)
func TryDialWS(t testing.TB, url string, opts ...DialOption) (*Client, error) {
	t.Helper()
	return dial(t, url, &wsProtocol{}, opts)
}

// TryDialSocketIO is [DialSocketIO] for servers that may refuse. A refusal, by
// HTTP or by a connect_error, is a [*DialError].
func TryDialSocketIO(t testing.TB, url string, opts ...DialOption) (*Client, error) {
	t.Helper()
	return dial(t, url, &sioProtocol{}, opts)
}

// ID is the socket's id on Socket.IO; plain WebSocket has none.
func (c *Client) ID() string { return c.sid }

// Subprotocol is the one that the server has chosen.
func (c *Client) Subprotocol() string { return c.ws.Subprotocol() }

// Header is the header of the server's answer to the handshake.
func (c *Client) Header() http.Header { return c.response.Header }

// Emit sends an event. []byte, also inside of an argument, travels as binary on
// Socket.IO and as base64 text on plain WebSocket, where several arguments
// become one array.
func (c *Client) Emit(event string, args ...any) {
	c.t.Helper()
	if err := c.TryEmit(event, args...); err != nil {
		c.t.Fatalf("apptest: Emit(%q): %v", event, err)
	}
}

// TryEmit is [Client.Emit] with an error, for connections that may have ended.
func (c *Client) TryEmit(event string, args ...any) error {
	frames, err := c.proto.event(event, args, false, 0)
	if err != nil {
		return err
	}
	return c.write(frames...)
}

// OnCall answers the server's calls of an event, from now on, with what answer
// makes of their payload. Calls without such an answer stay unanswered and wait
// for [Expect] like other events; see [Client.Answer].
func (c *Client) OnCall(event string, answer func(json.RawMessage) any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[event] = answer
}

// Answer answers one call of the server by hand.
func (c *Client) Answer(m Message, v any) {
	c.t.Helper()
	if !m.reply {
		c.t.Fatalf("apptest: Answer: %s did not ask for one", m)
	}
	frames, err := c.proto.answer(m.id, v)
	if err == nil {
		err = c.write(frames...)
	}
	if err != nil {
		c.t.Fatalf("apptest: Answer(%q): %v", m.Event, err)
	}
}

// Close says goodbye as the protocol wants it, and returns when the connection
// has ended. It is called at the end of the test in any case.
func (c *Client) Close() {
	c.end(func() {
		// A server that does not say goodbye in its turn is not waited for.
		cut := time.AfterFunc(goodbyeTimeout, func() { _ = c.tcp.Close() })
		defer cut.Stop()
		_ = c.write(c.proto.goodbye()...)
		_ = c.ws.Close(websocket.StatusNormalClosure, "")
	})
}

// Abort cuts the connection as a crash would: no close frame, and a TCP reset
// where there is TCP.
func (c *Client) Abort() {
	c.end(func() {
		if tcp, ok := c.tcp.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.tcp.Close()
	})
}

const goodbyeTimeout = time.Second

func (c *Client) end(how func()) {
	c.closeOnce.Do(func() {
		c.mu.Lock()
		c.leaving = true
		c.mu.Unlock()
		how()
		_ = c.ws.CloseNow()
	})
	c.reading.Wait()
}

// write sends frames together.
func (c *Client) write(frames ...frame) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.timeout)
	defer cancel()
	for _, f := range frames {
		if end := c.ending(); end != nil {
			return fmt.Errorf("the connection has ended (%s)", end)
		}
		kind := websocket.MessageText
		if f.binary {
			kind = websocket.MessageBinary
		}
		if err := c.ws.Write(ctx, kind, f.data); err != nil {
			return err
		}
	}
	return nil
}
