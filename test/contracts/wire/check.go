package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
)

// Report is what the messages of a recorder have to do with a document.
type Report struct {
	// Valid is how many were valid, Mistakes how many of clients were not, and were answered by an error.
	Valid, Mistakes int

	t   testing.TB
	doc *document
}

// Check validates all messages that were recorded by the recorders. One of the application that is not valid fails the test, and so does
// one of a client that was not answered by an error.
func Check(t testing.TB, asyncapi []byte, recorders ...*Recorder) *Report {
	t.Helper()
	r := &Report{t: t, doc: parse(t, asyncapi)}
	for _, rec := range recorders {
		conns := map[string]*conn{}
		for _, m := range rec.Messages() {
			c := conns[m.Conn]
			if c == nil {
				c = &conn{report: r, unhandled: rec.Unhandled, ids: map[string]request{}}
				conns[m.Conn] = c
			}
			if slices.Contains(r.doc.engineIO, strings.TrimSuffix(m.Path, "/")) {
				c.engineIO(m)
			} else {
				c.frame(m)
			}
		}
		for name, c := range conns {
			for _, why := range c.wrong {
				t.Errorf("connection %s: the application has answered no error to a message that is not valid: %s", name, why)
			}
		}
	}
	return r
}

// Complete fails the test if a message of the document was not seen. Exceptions are keys of messages such as "node.event", everywhere or
// of one channel: "ws.chat/node.event".
func (r *Report) Complete(except ...string) {
	r.t.Helper()
	for _, c := range r.doc.channels {
		for key, m := range c.messages {
			if m.seen == 0 && !slices.Contains(except, key) && !slices.Contains(except, c.name+"/"+key) {
				r.t.Errorf("no message %s/%s was seen", c.name, key)
			}
		}
	}
}

// Seen returns how often a message of a channel was seen.
func (r *Report) Seen(channel, key string) int {
	for _, c := range r.doc.channels {
		if m := c.messages[key]; c.name == channel && m != nil {
			return m.seen
		}
	}
	return 0
}

// conn is one connection, or one session of Engine.IO.
type conn struct {
	report    *Report
	unhandled []string

	ids     map[string]request // of clients, without their answers
	clients packet.Decoder
	servers packet.Decoder
	wrong   []string // messages of the client that were not valid and have no answer yet
	args    []byte   // the list of all arguments of the packet that is validated
}

type request struct{ event, wrong string }

// valid validates a payload by one of several messages of a channel. It returns what is wrong with all of them.
func (c *conn) valid(ch *channel, payload []byte, keys ...string) (why string) {
	for _, key := range keys {
		m, ok := ch.messages[key]
		if ok && m.spread {
			payload = c.args
		}
		switch {
		case !ok:
			why += fmt.Sprintf("%s has no message %s: %s; ", ch.name, key, payload)
			continue
		case m.schema == nil && len(payload) > 0:
			why += fmt.Sprintf("%s/%s has no payload: %s; ", ch.name, key, payload)
			continue
		case m.schema != nil && (len(payload) > 0 || !m.optional):
			if err := Validate(m.schema, payload); err != nil {
				why += fmt.Sprintf("%s/%s: %s: %v; ", ch.name, key, payload, err)
				continue
			}
		}
		m.seen++
		c.report.Valid++
		return ""
	}
	return why
}

// sent validates what the application has sent, and what clients answer.
func (c *conn) sent(ch *channel, payload []byte, keys ...string) {
	if ch.fallback && !slices.ContainsFunc(keys, func(key string) bool { return ch.messages[key] != nil }) {
		return // the document does not describe it
	}
	if why := c.valid(ch, payload, keys...); why != "" {
		c.report.t.Errorf("not valid: %s", why)
	}
}

// received validates a request of a client, which may have an id.
func (c *conn) received(ch *channel, event, id string, payload []byte) {
	why := ""
	if slices.Contains(c.unhandled, event) && id == "" {
		return
	}
	if _, known := ch.messages[ch.key(event, "request")]; known || !ch.fallback {
		why = c.valid(ch, payload, ch.key(event, "request"))
	}
	if id != "" {
		c.ids[id] = request{event, why}
	} else if why != "" {
		c.wrong = append(c.wrong, why)
	}
}

// answered returns the request of an answer. An error answers one that was not valid.
func (c *conn) answered(id string, failed bool) (event string) {
	r, ok := c.ids[id]
	delete(c.ids, id)
	switch {
	case ok && r.wrong != "" && failed:
		c.report.Mistakes++
	case ok && r.wrong != "":
		c.report.t.Errorf("the application has answered a message that is not valid: %s", r.wrong)
	case !ok && failed && len(c.wrong) > 0: // of a message without an id
		c.wrong = c.wrong[1:]
		c.report.Mistakes++
	}
	return r.event
}

// exceptions are the messages that an error of an event may be.
func exceptions(ch *channel, event string) []string {
	if _, own := ch.messages[ch.key(event, "exception")]; own && event != "" {
		return []string{ch.key(event, "exception")}
	}
	return []string{"exception.exception"}
}

// frame validates a frame of plain WebSocket.
func (c *conn) frame(m Message) {
	ch := c.report.doc.channelAt("ws", m.Path)
	if ch == nil {
		c.report.t.Errorf("the document has no channel at %s", m.Path)
		return
	}
	var f struct {
		Event  string          `json:"event"`
		ID     json.RawMessage `json:"id"`
		Re     json.RawMessage `json:"re"`
		Cancel json.RawMessage `json:"cancel"`
		// Session is of the subprotocol gatehouse.v1, about the connection and no message, as packets of Engine.IO are.
		Session json.RawMessage `json:"session"`
	}
	if err := json.Unmarshal(m.Data, &f); err != nil {
		if m.FromClient { // to be answered by an error without an id
			c.wrong = append(c.wrong, fmt.Sprintf("%s: %v", m.Data, err))
		} else {
			c.report.t.Errorf("%s: %v", m.Data, err)
		}
		return
	}
	id := string(f.ID)
	switch {
	case !m.FromClient && f.Session != nil && f.Event == "" && f.ID == nil:
	case m.FromClient && f.Cancel != nil:
		c.sent(ch, m.Data, "cancel.request")
	case m.FromClient && f.Event == "":
		c.sent(ch, m.Data, ch.of("answer")...)
	case m.FromClient:
		c.received(ch, f.Event, id, m.Data)
	case f.Event == "exception":
		c.sent(ch, m.Data, exceptions(ch, c.answered(id, true))...)
	case f.Re != nil:
		c.sent(ch, m.Data, ch.key(f.Event, "item"))
	case f.Event == "":
		c.sent(ch, m.Data, ch.key(c.answered(id, false), "result"))
	case f.ID != nil:
		c.sent(ch, m.Data, ch.key(f.Event, "call"), ch.key(f.Event, "result"))
	default: // of a handler that a client called without an id, too
		c.sent(ch, m.Data, ch.key(f.Event, "event"), ch.key(f.Event, "item"), ch.key(f.Event, "result"))
	}
}

// of returns the keys of all messages in a role.
func (c *channel) of(role string) (keys []string) {
	for key := range c.messages {
		if strings.HasSuffix(key, "."+role) {
			keys = append(keys, key)
		}
	}
	return keys
}

// engineIO validates a packet of Engine.IO that carries one of Socket.IO.
func (c *conn) engineIO(m Message) {
	decoder := &c.servers
	if m.FromClient {
		decoder = &c.clients
	}
	if *decoder == nil {
		*decoder = packet.JSON().NewDecoder(packet.Limits{Attachments: 100})
	}
	var p *packet.Packet
	var err error
	text, isMessage := strings.CutPrefix(string(m.Data), "4")
	switch {
	case m.Binary:
		p, err = (*decoder).Binary(slices.Clone(m.Data))
	case strings.HasPrefix(string(m.Data), "b"): // binary as text, over WebSocket too
		var b []byte
		if b, err = base64.StdEncoding.DecodeString(string(m.Data[1:])); err == nil {
			p, err = (*decoder).Binary(b)
		}
	case !isMessage, !m.FromClient && strings.HasPrefix(text, "4"): // of Engine.IO itself; a refused connection, which only servers send
		return
	default:
		p, err = (*decoder).Text([]byte(text))
	}
	if err != nil {
		c.report.t.Errorf("%s: %v", m.Data, err)
		return
	}
	if p == nil || p.Type != packet.Event && p.Type != packet.Ack {
		return
	}
	ch := c.report.doc.channelAt("socketio", p.Namespace)
	if ch == nil {
		c.report.t.Errorf("the document has no channel of the namespace %s", p.Namespace)
		return
	}
	c.packet(ch, m.FromClient, p, inlined(c.report.t, p))
}

func (c *conn) packet(ch *channel, fromClient bool, p *packet.Packet, payload []byte) {
	id := ""
	if p.HasID {
		id = fmt.Sprint(p.Namespace, " ", p.ID)
	}
	failed := isException(payload)
	if c.args = payload; !p.Payload.Spread {
		c.args = slices.Concat([]byte("["), payload, []byte("]"))
	}
	switch {
	case fromClient && p.Type == packet.Event && p.Event == "gatehouse:cancel":
		c.sent(ch, payload, "gatehouse-cancel.request")
	case fromClient && p.Type == packet.Event:
		c.received(ch, p.Event, id, payload)
	case fromClient:
		c.sent(ch, payload, ch.of("answer")...)
	case p.Type == packet.Ack && failed:
		c.sent(ch, payload, exceptions(ch, c.answered(id, true))...)
	case p.Type == packet.Ack:
		c.sent(ch, payload, ch.key(c.answered(id, false), "result"))
	case p.Event == "exception":
		if id == "" && len(c.wrong) > 0 {
			c.answered("", true)
		}
		c.sent(ch, payload, exceptions(ch, causeOf(payload))...)
	case p.HasID:
		c.sent(ch, payload, ch.key(p.Event, "call"))
	default:
		c.sent(ch, payload, ch.key(p.Event, "event"), ch.key(p.Event, "item"))
	}
}

// causeOf returns the event whose handler has failed, if the error says so.
func causeOf(payload []byte) string {
	var e struct {
		Cause struct {
			Pattern string `json:"pattern"`
		} `json:"cause"`
	}
	_ = json.Unmarshal(payload, &e)
	return e.Cause.Pattern
}

func isException(payload []byte) bool {
	var e struct {
		Status  *string `json:"status"`
		Message *string `json:"message"`
	}
	return json.Unmarshal(payload, &e) == nil && e.Status != nil && *e.Status == "error" && e.Message != nil
}

// inlined returns a payload with its attachments in base64, which the format binary accepts.
func inlined(t testing.TB, p *packet.Packet) []byte {
	t.Helper()
	if len(p.Payload.Attachments) == 0 {
		return p.Payload.JSON
	}
	var v any
	if err := json.Unmarshal(p.Payload.JSON, &v); err != nil {
		t.Fatalf("%s: %v", p.Payload.JSON, err)
	}
	var inline func(v any) any
	inline = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			if n, ok := v["num"].(float64); ok && v["_placeholder"] == true {
				return base64.StdEncoding.EncodeToString(p.Payload.Attachments[int(n)])
			}
			for name := range v {
				v[name] = inline(v[name])
			}
		case []any:
			for i := range v {
				v[i] = inline(v[i])
			}
		}
		return v
	}
	text, err := json.Marshal(inline(v))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
