package contracts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/internal/tea"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/contracts/wire"
)

// channel is a channel of a document, with the messages that were seen.
type channel struct {
	*testing.T

	payloads map[string]*validator.Schema // nil for a message without a payload
	seen     map[string]bool
}

// documentOf returns the document of package tea.
func documentOf(t *testing.T) []byte {
	t.Helper()
	d, err := app.Describe(tea.Module)
	if err != nil {
		t.Fatal(err)
	}
	m, err := contract.From(d)
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.AsyncAPI()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// channelOf returns a channel of it.
func channelOf(t *testing.T, name string) *channel {
	t.Helper()
	text := documentOf(t)
	var doc struct {
		Channels map[string]struct {
			Messages map[string]struct{ Payload json.RawMessage }
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	c := &channel{t, map[string]*validator.Schema{}, map[string]bool{}}
	for key, message := range doc.Channels[name].Messages {
		c.payloads[key] = nil
		if message.Payload != nil {
			c.payloads[key] = compileAt(t, string(text), validator.Draft7, "#/channels/"+name+"/messages/"+key+"/payload")
		}
	}
	return c
}

// check validates a payload, or a frame, by a message.
func (c *channel) check(key string, payload []byte) {
	c.Helper()
	schema, ok := c.payloads[key]
	c.seen[key] = true
	switch {
	case !ok:
		c.Errorf("the document has no message %s: %s", key, payload)
	case schema == nil && len(payload) > 0:
		c.Errorf("%s has no payload in the document: %s", key, payload)
	case schema != nil:
		if err := valid(c.T, schema, payload); err != nil {
			c.Errorf("%s: %s: %v", key, payload, err)
		}
	}
}

// complete checks that all messages of the document were seen, except for some.
func (c *channel) complete(except ...string) {
	c.Helper()
	for key := range c.payloads {
		if !c.seen[key] && !slices.Contains(except, key) {
			c.Errorf("no message %s was seen", key)
		}
	}
}

// frame is a frame of plain WebSocket.
type frame struct {
	Event  string
	ID, Re json.RawMessage
}

// TestFrames: all frames between a client of plain WebSocket and the application are valid by the document, which has no other.
func TestFrames(t *testing.T) {
	a := apptest.New(t, tea.Module)
	c := channelOf(t, "ws.ws.tea.house")
	client := a.DialWS("/ws/tea/green")
	events := map[string]string{} // by the id of the request
	for id, request := range []string{
		`{"event":"pour","data":"green","id":%d}`, `{"event":"pour","data":"","id":%d}`, `{"event":"pour","data":7,"id":%d}`,
		`{"event":"echo","data":{"id":1,"sort":"green","picture":"AQI=","next":{"id":2}},"id":%d}`,
		`{"event":"mix","data":["a",1],"id":%d}`, `{"event":"serve","data":"black","id":%d}`,
		`{"event":"leave","id":%d}`, `{"event":"count","data":2,"id":%d}`,
	} {
		text := fmt.Sprintf(request, id)
		var f frame
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatal(err)
		}
		events[string(f.ID)] = f.Event
		if !strings.Contains(text, `"data":7`) { // a mistake of the client
			c.check(f.Event+".request", []byte(text))
		}
		client.Raw().Text(text)
	}
	const ask, cancel, sayNothing = `{"event":"ask","data":{"text":"More?"},"id":100}`, `{"cancel":99}`, `{"event":"echo","data":{"id":7}}`
	c.check("ask.request", []byte(ask))
	events[`100`] = "ask"
	client.OnCall("confirm", func(json.RawMessage) any { return true })
	client.Raw().Text(ask)
	c.check("confirm.answer", []byte(`{"id":1,"data":true}`))
	c.check("cancel.request", []byte(cancel))
	client.Raw().Text(cancel)
	client.Raw().Text(sayNothing)
	testkit.Eventually(t, "the end of the stream, which runs in the background, and the last result", func() bool {
		frames := client.Raw().Frames()
		return slices.Contains(frames, `{"id":7}`) && slices.ContainsFunc(frames, func(s string) bool { return strings.Contains(s, `"event":"echo"`) })
	})

	for _, text := range client.Raw().Frames() {
		var f frame
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		request := events[string(f.ID)]
		key := f.Event + ".event"
		switch {
		case f.Re != nil:
			key = f.Event + ".item"
		case f.Event == "exception":
			key = "exception.exception"
			if request == "pour" {
				key = "pour.exception"
			}
		case f.Event == "":
			key = request + ".result"
		case f.ID != nil:
			key = f.Event + ".call"
		case f.Event == "echo":
			key = "echo.result"
		}
		c.check(key, []byte(text))
	}
	c.complete("shutdown.event", "exception.exception")
}

// TestMessages: the same on Socket.IO, of arguments and acks. Binary is base64 here, which format binary accepts.
func TestMessages(t *testing.T) {
	a := apptest.New(t, tea.Module)
	c := channelOf(t, "socketio.tea.house")
	client := a.DialSocketIO("/tea/green")
	client.OnCall("confirm", func(question json.RawMessage) any {
		c.check("confirm.call", question)
		c.check("confirm.answer", []byte("true"))
		return true
	})
	call := func(event string, args ...string) {
		t.Helper()
		values := make([]any, len(args))
		for i, arg := range args {
			values[i] = json.RawMessage(arg)
		}
		payload := strings.Join(args, ",")
		if len(args) > 1 {
			payload = "[" + payload + "]"
		}
		c.check(event+".request", []byte(payload))
		result := client.Call(event, values...)
		c.check(event+".result", result)
	}
	call("pour", `"green"`)
	for _, event := range []string{"moved", "steam", "poured"} {
		c.check(event+".event", apptest.Expect[json.RawMessage](client, event))
	}
	call("echo", `{"id":1,"sort":"green","picture":"AQI=","next":{"id":2}}`)
	call("mix", `"a"`, `1`)
	call("serve", `"black"`)
	c.check("poured.event", apptest.Expect[json.RawMessage](client, "poured"))
	call("ask", `{"text":"More?"}`)
	call("leave")
	call("count", `2`)
	c.check("tick.event", apptest.Expect[json.RawMessage](client, "tick"))
	c.check("gatehouse-cancel.request", []byte(`"count"`))
	client.Emit("gatehouse:cancel", "count")
	for key, payload := range map[string]any{"pour.exception": "", "exception.exception": map[string]any{"x": make([]int, 3)}} {
		e := client.CallError(strings.Replace(strings.TrimSuffix(key, ".exception"), "exception", "mix", 1), payload)
		text, err := json.Marshal(map[string]any{"status": "error", "message": e.Message, "code": e.Code})
		if err != nil {
			t.Fatal(err)
		}
		c.check(key, text)
		c.check(key, apptest.Expect[json.RawMessage](client, "exception"))
	}
	c.complete("shutdown.event")
}

// TestShutdown: the event of a stop, which clients receive that are drained one after the other.
func TestShutdown(t *testing.T) {
	document := documentOf(t)
	a := apptest.New(t, tea.Module, apptest.With(app.DrainRate(2)))
	recorder := wire.Record(t, a.URL())
	for range 2 {
		apptest.DialWS(t, recorder.URL+"/ws/tea/green").Call("leave")
		apptest.DialSocketIO(t, recorder.URL, apptest.WithNamespace("/tea/green")).Call("leave")
	}
	if err := a.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, channel := range []string{"ws.ws.tea.house", "socketio.tea.house"} {
		testkit.Eventually(t, "the event shutdown on "+channel, func() bool {
			return wire.Check(t, document, recorder).Seen(channel, "shutdown.event") > 0
		})
	}
}
