package deploy_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// way is how a client of npm connects.
type way struct {
	name      string
	transport string // of Socket.IO, where it ends up; "" for plain WebSocket
	opts      nodetest.Opts
}

var ways = []way{
	{"polling", "polling", nodetest.Opts{"transports": []string{"polling"}}},
	{"websocket", "websocket", nodetest.Opts{"transports": []string{"websocket"}}},
	{"upgrade", "websocket", nodetest.Opts{}},
	{"plain", "", nodetest.Opts{}},
}

// connect connects a client below /chat of a proxy.
func (w way) connect(n *nodetest.Node, x *proxy, opts nodetest.Opts) *nodetest.Client {
	all := maps.Clone(w.opts)
	if x.ca != "" {
		all["ca"] = x.ca
	}
	maps.Copy(all, opts)
	if w.transport == "" {
		all["headers"] = all["extraHeaders"]
		return n.WS(x.ws()+"/chat/ws", all)
	}
	all["path"] = "/chat/socket.io/"
	c := n.SocketIO(x.url, all)
	c.AwaitTransport(w.transport)
	return c
}

// TestProxies: behind each proxy of the page npm's clients connect by every transport, exchange binary that no buffer
// contains, have their own address, and both ends notice when the other has left, or the proxy.
func TestProxies(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		b, p := startBackend(t, false, false, websockets.Limits{})
		x := k.run(t, p)
		n := nodetest.Start(t)
		for i, w := range ways {
			x.serves(t, n, w, b, fmt.Sprintf("127.0.0.%d", 10+i))
			x.ends(t, n, w, b)
		}
		x.binaryFrames(t, n, b)
		x.dies(t, n, b)
	})
}

// serves: a client is served, and has its own address whatever it claims.
func (x *proxy) serves(t *testing.T, n *nodetest.Node, w way, b *backend, address string) {
	t.Helper()
	c := w.connect(n, x, nodetest.Opts{"localAddress": address, "extraHeaders": map[string]string{"X-Forwarded-For": "203.0.113.9"}})
	if got := nodetest.Call[client](c, "client"); got.Address != address || got.Protocol != "HTTP/1.1" {
		t.Errorf("%s: the application has %+v, want %s", w.name, got, address)
	}
	data := large(t)
	for range 3 {
		if got := w.binary(t, c, data); !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes of binary are %d others", w.name, len(data), len(got))
		}
	}
	if w.transport != "" {
		if got := c.Transport(); got != w.transport {
			t.Errorf("%s: over %s", w.name, got)
		}
	}
	c.Disconnect()
	b.wantLeft(t, w.name+" disconnects", websockets.CauseClientDisconnect)
}

// binary returns what the application answers to binary.
func (w way) binary(t *testing.T, c *nodetest.Client, data []byte) []byte {
	t.Helper()
	if w.transport != "" {
		return nodetest.Call[[]byte](c, "binary", data)
	}
	got, err := base64.StdEncoding.DecodeString(nodetest.Call[string](c, "binary", data)) // JSON has no binary
	if err != nil {
		t.Error(err)
	}
	return got
}

// ends: a connection that ends at one end ends at the other.
func (x *proxy) ends(t *testing.T, n *nodetest.Node, w way, b *backend) {
	t.Helper()
	c := w.connect(n, x, nil)
	c.Emit("leave")
	want := nodetest.End{Reason: "leave", Code: 4001}
	if w.transport != "" {
		want = nodetest.End{Reason: "io server disconnect"}
	}
	if got := c.ExpectEnd(); got != want {
		t.Errorf("%s: the server has closed, the client has %+v", w.name, got)
	}
	b.wantLeft(t, w.name+" is closed", websockets.CauseServerDisconnect)
	if w.transport == "polling" {
		return // has no connection to cut
	}
	w.connect(n, x, nil).Cut()
	b.wantLeft(t, w.name+" is cut", websockets.CauseTransportClose, websockets.CauseTransportError)
}

// binaryFrames: binary frames of plain WebSocket pass in both directions.
func (x *proxy) binaryFrames(t *testing.T, n *nodetest.Node, b *backend) {
	t.Helper()
	c := n.WS(x.ws()+"/chat/frames", nodetest.Opts{"ca": x.ca})
	data := base64.StdEncoding.EncodeToString(large(t))
	c.Send([]byte(`{"event":"binary","id":1,"data":"` + data + `"}`))
	if got := nodetest.Expect[[]byte](c, ""); string(got) != `{"id":1,"data":"`+data+`"}` {
		t.Errorf("binary frames: %d bytes, %.50q", len(got), got)
	}
	c.Disconnect()
	b.wantLeft(t, "the client of binary frames disconnects", websockets.CauseClientDisconnect)
}

// dies: when the proxy is killed, both ends notice it.
func (x *proxy) dies(t *testing.T, n *nodetest.Node, b *backend) {
	t.Helper()
	var clients []*nodetest.Client
	for _, w := range ways {
		clients = append(clients, w.connect(n, x, nil))
	}
	x.kill()
	for i, w := range ways {
		c := clients[i]
		if end := c.ExpectEnd(); w.transport == "" && end.Code != 1006 && end.Code != 1001 || w.transport != "" && !strings.HasPrefix(end.Reason, "transport ") {
			t.Errorf("%s: the proxy was killed, the client has %+v", w.name, end)
		}
		b.wantLeft(t, "the proxy of "+w.name+" was killed", websockets.CauseTransportClose, websockets.CauseTransportError)
	}
}

// TestStickySessions: behind the page's configurations for two nodes npm's clients are served by every transport, and
// WebSockets are spread over both.
func TestStickySessions(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		if k.port8080 == "" {
			return // the page has none
		}
		one, at1 := startBackend(t, false, true, websockets.Limits{})
		two, at2 := startBackend(t, false, true, websockets.Limits{})
		x := k.balance(t, at1.port, at2.port)
		n := nodetest.Start(t)
		for i := range 4 {
			for _, w := range ways {
				address := fmt.Sprintf("127.0.%d.1", i+1) // nginx's ip_hash looks at three numbers
				c := w.connect(n, x, nodetest.Opts{"localAddress": address, "withCredentials": true})
				if got := nodetest.Call[client](c, "client"); got.Address != address {
					t.Errorf("%s: the application has %+v, want %s", w.name, got, address)
				}
				data := large(t)
				if got := w.binary(t, c, data); !bytes.Equal(got, data) {
					t.Errorf("%s: %d bytes of binary are %d others", w.name, len(data), len(got))
				}
			}
		}
		for _, b := range []*backend{one, two} {
			if !b.requested("websocket ") {
				t.Error("a node has no WebSocket")
			}
		}
	})
}
