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

// member lets in who says so in its auth.
func member(_ context.Context, c *pipeline.Call) error {
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
	refusedText = "Members only"
	refusedData = `{"status":"error","message":"Members only","code":"no_member","details":{"token":"bad"}}`
)

// newClub is a server with a namespace for everybody and one for members.
func newClub(t *testing.T) *house {
	t.Helper()
	h := &house{}
	sio := socketio.New()
	gateway := func(opts ...websockets.Option) *module.Module {
		return module.New("gate", module.Providers(websockets.Gateway(
			func() *gate { return &gate{book: &h.book} }, append(opts, websockets.Via(sio))...)))
	}
	h.start(t, module.New("club", module.Imports(
		gateway(),
		gateway(websockets.Namespace("members"), websockets.UseGuards(member)),
	)), false, nil)
	return h
}

// connect opens a connection whose row is its name.
func (h *house) connect(t *testing.T, managers *nodetest.Process, name string, transports ...string) *manager {
	t.Helper()
	m := newManager(t, managers, name, h.url, nodetest.Opts{"transports": transports, "query": map[string]string{"row": name}})
	t.Cleanup(m.close)
	return m
}

func refusedWell(t *testing.T, e entry) {
	t.Helper()
	if e.Refused == nil || e.Refused.Message != refusedText || string(e.Refused.Data) != refusedData {
		t.Errorf("answered %+v, want the refusal with %s", e, refusedData)
	}
}

// ran compares what hooks and handlers have done for a connection.
func (h *house) ran(t *testing.T, row, want string) {
	t.Helper()
	if got := strings.Join(h.of(row), " "); got != want {
		t.Errorf("%s: there ran %q, want %q", row, got, want)
	}
}

func TestRefusals(t *testing.T) {
	h := newClub(t)
	managers := startManagers(t)
	transports := map[string][]string{
		polling: {polling}, webSocket: {webSocket}, "the upgrade": {polling, webSocket},
	}
	for name, over := range transports {
		t.Run("connect_error has message and data over "+name, func(t *testing.T) {
			m := h.connect(t, managers, "alone "+name, over...)
			refusedWell(t, m.enter("s", "/members", bad))
			if m.connected("s") {
				t.Error("the client takes itself for connected")
			}
		})
		t.Run("auth is put right over "+name, func(t *testing.T) {
			m := h.connect(t, managers, "again "+name, over...)
			refusedWell(t, m.enter("s", "/members", bad))
			refusedWell(t, m.again("s", bad))
			m.emit("s", "listen", 1) // the client keeps it until it is in
			if e := m.again("s", good); e.Refused != nil || e.ID == "" {
				t.Fatalf("with the right auth: %+v", e)
			}
			if got := m.call("s", "on", 5); got != "[5]" {
				t.Errorf("answered %s", got)
			}
		})
		t.Run("other namespaces are left alone over "+name, func(t *testing.T) {
			m := h.connect(t, managers, "beside "+name, over...)
			first := m.enter("everybody", "/", nil)
			m.next("everybody", "hello")
			refusedWell(t, m.enter("members", "/members", bad))
			if got := m.call("everybody", "on", 1); got != "[1]" || !m.connected("everybody") {
				t.Errorf("after the refusal: answered %s", got)
			}
			second := m.again("members", good)
			if second.Refused != nil || second.Connection != first.Connection {
				t.Fatalf("in %+v, first %+v: want one connection", second, first)
			}
			if got := m.call("members", "on", 2) + m.call("everybody", "on", 3); got != "[2][3]" {
				t.Errorf("answered %s", got)
			}
		})
	}
	// Such packets are no mistake of socket.io-client; they end the connection.
	uninvited := map[string][]string{
		"without waiting for the answer": {`0/members,{"token":"bad"}`, `2/members,["on",1]`},
		"an event":                       {`2/members,["on",1]`},
		"an event with an ack":           {`2/members,0["on",1]`},
		"an event with an attachment":    {`51-/members,["binary",{"_placeholder":true,"num":0}]`, `2["on",1]`},
	}
	for name, packets := range uninvited {
		t.Run("messages of who is not in: "+name, func(t *testing.T) {
			m := h.connect(t, managers, name, webSocket)
			m.enter("everybody", "/", nil)
			for _, p := range packets {
				m.raw(p)
			}
			m.awaitEnd()
		})
	}

	h.stop() // after which nothing runs any more
	for name := range transports {
		h.ran(t, "alone "+name, "")
		h.ran(t, "again "+name, "connected listen on left")
		h.ran(t, "beside "+name, "connected on connected on on left left")
	}
	for name := range uninvited {
		h.ran(t, name, "connected left")
	}
}

// TestRefusedRequests is what socket.io-client makes of a refusal before there is a
// connection: an error without data. Over polling its context has status and body, over
// WebSocket, where browsers tell nothing, it has neither.
func TestRefusedRequests(t *testing.T) {
	h := newHouse(t, application)
	managers := startManagers(t)
	for transport, want := range map[string]refusal{
		polling:   {Message: "xhr poll error", Status: 401, Text: `{"code":4,"message":"Unauthorized","data":{"status":"error","message":"Unauthorized","code":"unauthorized"}}`},
		webSocket: {Message: "websocket error"},
	} {
		v := &visit{t: t, h: h, managers: managers, row: "refused over " + transport, asks: map[string]string{"deny": "handshake", "status": "401"}}
		m := openManager(v, main, transport)
		e := m.enter("s", "/", nil)
		m.close()
		if e.Refused == nil || e.Refused.Message != want.Message || e.Refused.Data != nil || e.Refused.Status != want.Status || e.Refused.Text != want.Text {
			t.Errorf("%s: answered %+v, want %+v", transport, e.Refused, want)
		}
	}
	h.stop()
	for _, transport := range []string{polling, webSocket} {
		h.ran(t, "refused over "+transport, "")
	}
}
