package nodetest

import (
	"encoding/json"
	"strconv"
	"sync"
	"testing"
)

// Node is a Node process with npm's socket.io-client and ws:
//
//	n := nodetest.Start(t)
//	c := n.SocketIO(url+"/chat", nodetest.Opts{"transports": []string{"websocket"}, "auth": …})
//	if got := nodetest.Call[int](c, "identity", 5); got != 5 { … }
//	c.Emit("events", map[string]any{"file": []byte{1, 2}})
//	m := c.Expect("events")
//
// One process may have many clients. It exits when the test ends.
type Node struct {
	t testing.TB
	p *Process

	mu      sync.Mutex
	clients map[string]*Client
}

// Opts are the options of a JavaScript client, passed unchanged. []byte becomes a
// Buffer.
type Opts map[string]any

// Start starts Node.
func Start(t testing.TB) *Node {
	t.Helper()
	n := &Node{t: t, clients: map[string]*Client{}}
	n.p = StartProcess(t, "clients.mjs", n.onLine)
	return n
}

// SocketIO connects npm's socket.io-client, and fails the test if the server rejects
// it. It reconnects only with "reconnection" in opts.
func (n *Node) SocketIO(url string, opts Opts) *Client {
	n.t.Helper()
	c, err := n.TrySocketIO(url, opts)
	if err != nil {
		n.t.Fatalf("nodetest: SocketIO(%s): %v", url, err)
	}
	return c
}

// TrySocketIO is [Node.SocketIO] with an error. A connect_error is a [*RemoteError]
// with its Message and Data.
func (n *Node) TrySocketIO(url string, opts Opts) (*Client, error) {
	return n.dial("socketio", url, opts)
}

// WS connects npm's ws, and fails the test if the server rejects it. Frames are
// {"event","data","id"}; any other frame becomes an event without a name. Opts are
// those of the WebSocket constructor, and "protocols".
func (n *Node) WS(url string, opts Opts) *Client {
	n.t.Helper()
	c, err := n.TryWS(url, opts)
	if err != nil {
		n.t.Fatalf("nodetest: WS(%s): %v", url, err)
	}
	return c
}

// TryWS is [Node.WS] with an error, a [*RemoteError] with Status and Body if the server
// rejects the handshake.
func (n *Node) TryWS(url string, opts Opts) (*Client, error) {
	return n.dial("ws", url, opts)
}

// ServeSocketIO starts npm's socket.io server with the behaviour of
// test/js/reference.mjs, and returns its URL.
func (n *Node) ServeSocketIO(opts Opts) string {
	n.t.Helper()
	return mustDecode[string](n.t, n.p.MustDo("serveSocketIO", Fields{"opts": opts}))
}

// ServePlain starts npm's ws server with the same behaviour, and returns its URL.
func (n *Node) ServePlain() string {
	n.t.Helper()
	return mustDecode[string](n.t, n.p.MustDo("servePlain", nil))
}

func (n *Node) dial(kind, url string, opts Opts) (*Client, error) {
	n.mu.Lock()
	c := newClient(n, "c"+strconv.Itoa(len(n.clients)+1))
	n.clients[c.name] = c // before the dial: its first event may arrive with the answer
	n.mu.Unlock()
	_, err := n.p.Do(kind, Fields{"client": c.name, "url": url, "opts": opts})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// onLine handles an event of a client.
func (n *Node) onLine(text []byte) {
	var line struct {
		Client    string            `json:"client"`
		Event     *string           `json:"event"`
		Args      []json.RawMessage `json:"args"`
		End       *End              `json:"end"`
		Connected *string           `json:"connected"`
		Problem   string            `json:"problem"`
	}
	if err := json.Unmarshal(text, &line); err != nil {
		n.t.Errorf("nodetest: line %.200q: %v", text, err)
		return
	}
	n.mu.Lock()
	c := n.clients[line.Client]
	n.mu.Unlock()
	switch {
	case c == nil:
		n.t.Errorf("nodetest: line of an unknown client: %.200q", text)
	case line.Event != nil:
		c.mu.Update(func() { c.arrived = append(c.arrived, Message{Event: *line.Event, Args: line.Args}) })
	case line.End != nil:
		c.mu.Update(func() { c.end = line.End })
	case line.Connected != nil:
		c.mu.Update(func() { c.end = nil; c.reconnects++ })
	case line.Problem != "":
		c.mu.Update(func() { c.problems = append(c.problems, line.Problem) })
	}
}

func mustDecode[T any](t testing.TB, data []byte) (v T) {
	t.Helper()
	if len(data) == 0 {
		return v
	}
	if err := decode(data, &v); err != nil {
		t.Fatalf("nodetest: %.200s: %v", data, err)
	}
	return v
}
