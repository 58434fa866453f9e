package pipeline_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// requireMember accepts clients with the token "good" in their auth.
func requireMember(_ context.Context, c *pipeline.Call) error {
	var auth struct {
		Token string `json:"token"`
	}
	if c.Auth != nil {
		if err := c.Auth.Decode(&auth); err != nil {
			return err
		}
	}
	if auth.Token != "good" {
		return &pipeline.Error{
			Message: "Members only", Code: "no_member", Status: 401, Details: map[string]string{"token": auth.Token},
		}
	}
	return nil
}

var (
	bad  = map[string]string{"token": "bad"}
	good = map[string]string{"token": "good"}
)

const (
	rejectedText = "Members only"
	rejectedData = `{"status":"error","message":"Members only","code":"no_member","details":{"token":"bad"}}`
)

// newMembersApp has an open namespace and one for members.
func newMembersApp(t *testing.T) *testApp {
	t.Helper()
	h := &testApp{}
	sio := socketio.New()
	gateway := func(opts ...websockets.Option) *module.Module {
		return module.New("gateway", module.Providers(websockets.Gateway(
			func() *gateway { return &gateway{history: &h.history} }, append(opts, websockets.Via(sio))...)))
	}
	h.start(t, module.New("members", module.Imports(
		gateway(),
		gateway(websockets.Namespace("members"), websockets.UseGuards(requireMember)),
	)), false, nil)
	return h
}

// connect opens a connection whose row is its name.
func (h *testApp) connect(t *testing.T, managers *nodetest.Process, name string, transports ...string) *manager {
	t.Helper()
	m := newManager(t, managers, name, h.url, nodetest.Opts{"transports": transports, "query": map[string]string{"row": name}})
	t.Cleanup(m.close)
	return m
}

func checkRejected(t *testing.T, e entry) {
	t.Helper()
	if e.Rejected == nil || e.Rejected.Message != rejectedText || string(e.Rejected.Data) != rejectedData {
		t.Errorf("answered %+v, want a rejection with %s", e, rejectedData)
	}
}

// ran compares what hooks and handlers have done for a connection.
func (h *testApp) ran(t *testing.T, row, want string) {
	t.Helper()
	if got := strings.Join(h.steps(row), " "); got != want {
		t.Errorf("%s: ran %q, want %q", row, got, want)
	}
}

func TestRejections(t *testing.T) {
	h := newMembersApp(t)
	managers := startManagers(t)
	transports := map[string][]string{
		polling: {polling}, webSocket: {webSocket}, "the upgrade": {polling, webSocket},
	}
	for name, over := range transports {
		t.Run("connect_error has message and data over "+name, func(t *testing.T) {
			m := h.connect(t, managers, "alone "+name, over...)
			checkRejected(t, m.enter("s", "/members", bad))
			if m.connected("s") {
				t.Error("the client reports connected")
			}
		})
		t.Run("a retry with valid auth over "+name, func(t *testing.T) {
			m := h.connect(t, managers, "again "+name, over...)
			checkRejected(t, m.enter("s", "/members", bad))
			checkRejected(t, m.retry("s", bad))
			m.emit("s", "listen", 1) // the client buffers it until it is connected
			if e := m.retry("s", good); e.Rejected != nil || e.ID == "" {
				t.Fatalf("with the right auth: %+v", e)
			}
			if got := m.call("s", "on", 5); got != "[5]" {
				t.Errorf("answered %s", got)
			}
		})
		t.Run("other namespaces are not affected over "+name, func(t *testing.T) {
			m := h.connect(t, managers, "second "+name, over...)
			first := m.enter("open", "/", nil)
			m.next("open", "hello")
			checkRejected(t, m.enter("members", "/members", bad))
			if got := m.call("open", "on", 1); got != "[1]" || !m.connected("open") {
				t.Errorf("after the rejection: answered %s", got)
			}
			second := m.retry("members", good)
			if second.Rejected != nil || second.Connection != first.Connection {
				t.Fatalf("in %+v, first %+v: want one connection", second, first)
			}
			if got := m.call("members", "on", 2) + m.call("open", "on", 3); got != "[2][3]" {
				t.Errorf("answered %s", got)
			}
		})
	}
	// socket.io-client never sends such packets; they close the connection.
	uninvited := map[string][]string{
		"without waiting for the answer": {`0/members,{"token":"bad"}`, `2/members,["on",1]`},
		"an event":                       {`2/members,["on",1]`},
		"an event with an ack":           {`2/members,0["on",1]`},
		"an event with an attachment":    {`51-/members,["binary",{"_placeholder":true,"num":0}]`, `2["on",1]`},
	}
	for name, packets := range uninvited {
		t.Run("messages before the connect:  "+name, func(t *testing.T) {
			m := h.connect(t, managers, name, webSocket)
			m.enter("open", "/", nil)
			m.next("open", "hello") // HandleConnection has run, and the end below does not precede it
			for _, p := range packets {
				m.raw(p)
			}
			m.awaitEnd()
		})
	}

	h.stop() // afterwards nothing runs
	for name := range transports {
		h.ran(t, "alone "+name, "")
		h.ran(t, "again "+name, "connected listen on left")
		h.ran(t, "second "+name, "connected on connected on on left left")
	}
	for name := range uninvited {
		h.ran(t, name, "connected left")
	}
}

// TestRejectedRequests tests socket.io-client's error for a rejected handshake: it has no
// data. Over polling its context has status and body; over WebSocket browsers hide both.
func TestRejectedRequests(t *testing.T) {
	h := newTestApp(t, application)
	managers := startManagers(t)
	for transport, want := range map[string]connectError{
		polling:   {Message: "xhr poll error", Status: 401, Text: `{"code":4,"message":"Unauthorized","data":{"status":"error","message":"Unauthorized","code":"unauthorized"}}`},
		webSocket: {Message: "websocket error"},
	} {
		v := &attempt{t: t, h: h, managers: managers, row: "rejected over " + transport, denies: map[string]string{"deny": "handshake", "status": "401"}}
		m := openManager(v, main, transport)
		e := m.enter("s", "/", nil)
		m.close()
		if e.Rejected == nil || e.Rejected.Message != want.Message || e.Rejected.Data != nil || e.Rejected.Status != want.Status || e.Rejected.Text != want.Text {
			t.Errorf("%s: answered %+v, want %+v", transport, e.Rejected, want)
		}
	}
	h.stop()
	for _, transport := range []string{polling, webSocket} {
		h.ran(t, "rejected over "+transport, "")
	}
}
