package nodetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Client is npm's socket.io-client or ws. Its methods fail the test on errors.
type Client struct {
	n    *Node
	name string

	mu         testkit.Cond // updated on each change of the fields below
	arrived    []Message
	end        *End
	reconnects int
	problems   []string
}

// Message is a received event.
type Message struct {
	Event string
	Args  []json.RawMessage
}

// String returns the event with its arguments.
func (m Message) String() string {
	var args []string
	for _, a := range m.Args {
		args = append(args, fmt.Sprintf("%.200s", a))
	}
	return m.Event + "(" + strings.Join(args, ", ") + ")"
}

// End describes how a connection closed.
type End struct {
	// Reason is the client's reason: such as "io server disconnect" on
	// socket.io-client, the text of the close frame on ws.
	Reason string `json:"reason"`
	// Code is the close code, if the client reports it.
	Code int `json:"code"`
}

func newClient(n *Node, name string) *Client {
	return &Client{n: n, name: name}
}

// ID returns the id of socket.io-client.
func (c *Client) ID() string { c.n.t.Helper(); return mustDecode[string](c.n.t, c.must("id", nil)) }

// Transport returns the current transport of socket.io-client.
func (c *Client) Transport() string {
	c.n.t.Helper()
	return mustDecode[string](c.n.t, c.must("transport", nil))
}

// AwaitTransport waits for the upgrade of socket.io-client to a transport.
func (c *Client) AwaitTransport(want string) {
	c.n.t.Helper()
	c.must("upgraded", Fields{"want": want})
}

// Recovered reports whether socket.io-client recovered its connection state.
func (c *Client) Recovered() bool {
	c.n.t.Helper()
	return mustDecode[bool](c.n.t, c.must("recovered", nil))
}

// Protocol returns the subprotocol of ws.
func (c *Client) Protocol() string {
	c.n.t.Helper()
	return mustDecode[string](c.n.t, c.must("protocol", nil))
}

// Emit sends an event. []byte, also inside an argument, becomes a Buffer.
func (c *Client) Emit(event string, args ...any) {
	c.n.t.Helper()
	c.must("emit", Fields{"event": event, "args": list(args)})
}

// Send sends a raw frame with ws: []byte as binary, a string as text.
func (c *Client) Send(frame any) { c.n.t.Helper(); c.must("send", Fields{"frame": frame}) }

// Ping sends a ping with ws and waits for the pong.
func (c *Client) Ping() { c.n.t.Helper(); c.must("ping", nil) }

// Answer answers the server's future calls of an event with a value.
func (c *Client) Answer(event string, value any) {
	c.n.t.Helper()
	c.must("answer", Fields{"event": event, "value": value})
}

// Disconnect closes the connection as the protocol specifies.
func (c *Client) Disconnect() { c.n.t.Helper(); c.must("disconnect", Fields{"code": normalClosure}) }

const normalClosure = 1000

// Cut drops the connection without a close frame (on Socket.IO: websocket only).
func (c *Client) Cut() { c.n.t.Helper(); c.must("cut", nil) }

// PrivateID returns the id by which socket.io-client is recovered.
func (c *Client) PrivateID() string {
	c.n.t.Helper()
	return mustDecode[string](c.n.t, c.must("privateId", nil))
}

// Move has socket.io-client reconnect to another server from now on.
func (c *Client) Move(url string) { c.n.t.Helper(); c.must("move", Fields{"url": url}) }

// Reconnect connects socket.io-client again after a disconnect.
func (c *Client) Reconnect() { c.n.t.Helper(); c.must("reconnect", nil) }

// Call emits an event and returns the arguments of the ack (of ws: the data of the
// reply, if any). []byte decodes only data that was sent as binary.
func (c *Client) Call(event string, args ...any) []json.RawMessage {
	c.n.t.Helper()
	reply, err := c.TryCall(event, args...)
	if err != nil {
		c.n.t.Fatalf("nodetest: Call(%q): %v", event, err)
	}
	return reply
}

// TryCall is [Client.Call] with an error. On ws an exception is a [*RemoteError] with
// the error object as Data; Socket.IO has no error acks.
func (c *Client) TryCall(event string, args ...any) ([]json.RawMessage, error) {
	data, err := c.to("call", Fields{"event": event, "args": list(args), "timeout": Timeout.Milliseconds()})
	if err != nil {
		return nil, err
	}
	var reply []json.RawMessage
	err = decode(data, &reply)
	return reply, err
}

// Call emits an event and decodes the first argument of the ack. An empty ack is the
// zero T.
func Call[T any](c *Client, event string, args ...any) T {
	c.n.t.Helper()
	return first[T](c, c.Call(event, args...))
}

// Expect waits for the next event of this name and decodes its first argument. Without
// one it returns the zero T.
func Expect[T any](c *Client, event string) T {
	c.n.t.Helper()
	return first[T](c, c.Expect(event).Args)
}

func first[T any](c *Client, args []json.RawMessage) (v T) {
	c.n.t.Helper()
	if len(args) == 0 {
		return v
	}
	return mustDecode[T](c.n.t, args[0])
}

// Expect waits for the next event of this name. It keeps other events.
func (c *Client) Expect(event string) Message {
	c.n.t.Helper()
	m, err := c.take(event)
	if err != nil {
		c.n.t.Fatalf("nodetest: Expect(%q): %v", event, err)
	}
	return m
}

// ExpectNone fails the test if an event of this name has arrived when barrier returns.
// The barrier waits for something that this client receives later.
func (c *Client) ExpectNone(event string, barrier func()) {
	c.n.t.Helper()
	barrier()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.arrived {
		if m.Event == event {
			c.n.t.Fatalf("nodetest: ExpectNone(%q): got %s", event, m)
		}
	}
}

// ExpectEnd waits until the connection is closed.
func (c *Client) ExpectEnd() End {
	c.n.t.Helper()
	var end End
	ok := c.mu.Wait(Timeout, func() bool {
		if c.end != nil {
			end = *c.end
		}
		return c.end != nil
	})
	if !ok {
		c.n.t.Fatalf("nodetest: ExpectEnd: the connection is still open after %v", Timeout)
	}
	return end
}

// ExpectReconnect waits for the n-th reconnect of socket.io-client.
func (c *Client) ExpectReconnect(n int) {
	c.n.t.Helper()
	if !c.mu.Wait(Timeout, func() bool { return c.reconnects >= n }) {
		c.n.t.Fatalf("nodetest: ExpectReconnect(%d): not within %v", n, Timeout)
	}
}

func (c *Client) take(event string) (m Message, err error) {
	found := false
	ended := c.mu.Wait(Timeout, func() bool {
		i := slices.IndexFunc(c.arrived, func(m Message) bool { return m.Event == event })
		if i >= 0 {
			m, found = c.arrived[i], true
			c.arrived = slices.Delete(c.arrived, i, i+1)
		}
		return found || c.end != nil
	})
	if found {
		return m, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	what := fmt.Sprintf("not received within %v", Timeout)
	if ended {
		what = fmt.Sprintf("the connection closed first (%d %s)", c.end.Code, c.end.Reason)
	}
	return m, errors.New(what + fmt.Sprintf("; received: %v; problems: %v", c.arrived, c.problems))
}

func (c *Client) to(method string, fields Fields) (json.RawMessage, error) {
	request := Fields{"client": c.name, "method": method}
	maps.Copy(request, fields)
	return c.n.p.Do("to", request)
}

func (c *Client) must(method string, fields Fields) json.RawMessage {
	c.n.t.Helper()
	v, err := c.to(method, fields)
	if err != nil {
		c.n.t.Fatalf("nodetest: %s: %v", method, err)
	}
	return v
}

// list encodes nil as an empty array.
func list(args []any) []any {
	if args == nil {
		return []any{}
	}
	return args
}
