package contract

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// object and m are short for what documents are made of.
type object = jsonschema.Object

var m = jsonschema.M

// AsyncAPI returns the document of the gateways, as indented JSON. On plain WebSocket the payload of a message is the whole frame; on
// Socket.IO it is the first argument, or all of them where x-gatehouse-args is spread.
func (m *Model) AsyncAPI() ([]byte, error) {
	a := asyncAPI{Model: m, operations: object{}}
	var channels, servers object
	var used [][]requirement
	for _, s := range a.servers {
		servers = servers.With(s.name, secured(s.asyncAPI(a.settings.url.Scheme), a.shared(s)))
	}
	for _, c := range a.channels {
		channels = channels.With(c.name, a.channel(c))
		used = append(used, c.security)
		for _, o := range c.operations {
			used = append(used, o.security)
		}
	}
	doc := object{}.
		With("asyncapi", a.settings.asyncapi).
		With("info", a.info()).
		With("defaultContentType", "application/json")
	if len(channels) > 0 {
		schemas := a.withNamed(a.schemas.Definitions(channels), exceptionName, a.exception)
		doc = doc.With("servers", servers).With("channels", channels).With("operations", a.operations).
			With("components", m.withSchemes(object{}.With("schemas", schemas), used, namedScheme.asyncAPI))
	}
	return doc.Text()
}

func (m *Model) info() object {
	return object{}.With("title", m.settings.title).With("version", m.settings.version)
}

// withNamed returns definitions with one more, in alphabetical order.
func (*Model) withNamed(defs object, name string, schema object) object {
	i, _ := slices.BinarySearchFunc(defs, name, func(m jsonschema.Member, name string) int { return strings.Compare(m.Name, name) })
	return slices.Insert(defs, i, jsonschema.Member{Name: name, Value: schema})
}

func (s *server) asyncAPI(scheme string) object {
	protocol := "ws"
	if scheme == "https" {
		protocol = "wss"
	}
	o := m("host", s.host, "protocol", protocol)
	if s.path != "" { // version 5 of the protocol of Socket.IO
		o = m("host", s.host, "pathname", s.path, "protocol", protocol, "protocolVersion", "5")
	}
	return o.With("x-gatehouse-platform", s.platform)
}

// shared returns what clients need for all channels of a server; nil where they differ. Operations repeat it, so that those of a gateway do
// not depend on others.
func (m *Model) shared(s *server) (all []requirement) {
	first := true
	for _, c := range m.channels {
		if c.server != s {
			continue
		}
		if !first && !slices.EqualFunc(all, c.security, slices.Equal[requirement]) {
			return nil
		}
		all, first = c.security, false
	}
	return all
}

// asyncAPI writes an AsyncAPI document.
type asyncAPI struct {
	*Model

	operations object
}

// channelDoc is a channel while it is written.
type channelDoc struct {
	*channel

	messages object
	keys     map[messageKey]string
}

// messageKey is what messages of a channel differ in.
type messageKey struct{ event, role string }

// channel returns a channel, and adds its operations.
func (a *asyncAPI) channel(c *channel) object {
	d := &channelDoc{channel: c, messages: object{}, keys: map[messageKey]string{}}
	ref := m("$ref", "#/channels/"+c.name)
	for _, o := range c.operations {
		op := m("action", string(o.action), "channel", ref)
		if o.description != "" {
			op = op.With("description", o.description)
		}
		if o.action == receive {
			op = d.receive(op, o)
		} else {
			op = d.send(op, o)
		}
		op = secured(op, joined(slices.Clone(c.security), o.security...))
		if o.gateway != "" {
			op = op.With("x-gatehouse-gateway", o.gateway)
		}
		name := (&builder{}).unique(c.name+"."+string(o.action)+"."+label(o.event), func(name string) bool { return a.operations.Get(name) != nil })
		a.operations = a.operations.With(name, op)
	}
	address, parameters := addressOf(c.address)
	doc := m("address", address, "servers", []any{m("$ref", "#/servers/"+c.server.name)})
	if len(parameters) > 0 {
		doc = doc.With("parameters", parameters)
	}
	doc = doc.With("messages", d.messages)
	if c.framed {
		doc = doc.With("bindings", m("ws", m("method", "GET", "bindingVersion", "0.1.0")))
	}
	if c.fallback {
		doc = doc.With("x-gatehouse-fallback", true)
	}
	return doc
}

var parameter = regexp.MustCompile(`\{([^{}.$]+)(\.\.\.)?\}`)

// addressOf returns the address of a path or namespace, and its parameters.
func addressOf(pattern string) (address string, parameters object) {
	for _, found := range parameter.FindAllStringSubmatch(pattern, -1) {
		parameters = parameters.With(found[1], object{})
	}
	return strings.TrimSuffix(parameter.ReplaceAllString(pattern, "{$1}"), "{$}"), parameters
}

// receive returns the operation of a handler.
func (d *channelDoc) receive(op object, o operation) object {
	if o.kind == "" { // cancel
		if d.framed {
			o.payload.schema = frame(required("cancel", requestID))
		}
		return op.With("messages", []any{d.message(o.event, "request", o.payload)})
	}
	op = op.With("messages", []any{d.message(o.event, "request", d.request(o))})
	replies := []any{}
	for _, r := range o.responses {
		role := "event"
		if d.framed && o.kind == websockets.KindStream {
			role = "item"
		}
		replies = append(replies, d.message(r.event, role, d.event(r, role)))
	}
	replies = append(replies, d.message(o.event, "result", d.resultOf(o)), d.exception(o))
	op = op.With("reply", m("channel", op.Get("channel"), "messages", replies))
	if o.kind == websockets.KindStream {
		op = op.With("x-gatehouse-stream", true)
	}
	if o.strict {
		op = op.With("x-gatehouse-strict", true)
	}
	if o.background > 0 {
		op = op.With("x-gatehouse-background", o.background)
	}
	return op
}

// send returns the operation of an event or a call of the application.
func (d *channelDoc) send(op object, o operation) object {
	if o.event == websockets.EventException {
		return op.With("messages", []any{d.exception(operation{})})
	}
	role := "event"
	if o.answered {
		role = "call"
	}
	op = op.With("messages", []any{d.message(o.event, role, d.event(o, role))})
	if o.answered {
		if d.framed {
			o.answer.schema = frame(required("id", callID), optional("data", o.answer.schema))
		}
		op = op.With("reply", m("channel", op.Get("channel"), "messages", []any{d.message(o.event, "answer", o.answer)}))
	}
	if o.droppable {
		op = op.With("x-gatehouse-droppable", true)
	}
	return op
}

// correlated are the roles of messages with an id.
var correlated = []string{"request", "result", "exception", "call", "answer"}

// message adds a message once, and returns the reference to it.
func (d *channelDoc) message(event, role string, p payload) object {
	key, known := d.keys[messageKey{event, role}]
	if !known {
		key = (&builder{}).unique(label(event)+"."+role, func(key string) bool { return d.messages.Get(key) != nil })
		d.keys[messageKey{event, role}] = key
		doc := m("name", event)
		if role == "exception" {
			doc = m("name", websockets.EventException)
		}
		if d.framed && slices.Contains(correlated, role) && event != "cancel" {
			doc = doc.With("correlationId", m("location", "$message.payload#/id"))
		}
		if p.schema != nil {
			doc = doc.With("payload", draft7(p.schema))
		}
		if p.spread && !d.framed {
			doc = doc.With("x-gatehouse-args", "spread")
		}
		d.messages = d.messages.With(key, doc)
	}
	return m("$ref", "#/channels/"+d.name+"/messages/"+key)
}

// draft7 returns a list of several types as draft 7 has it, which AsyncAPI uses.
func draft7(o object) object {
	o = slices.Clone(o)
	for i := range o {
		switch v := o[i].Value.(type) {
		case object:
			o[i].Value = draft7(v)
		default:
			if o[i].Name == "prefixItems" {
				o[i].Name = "items"
			}
		}
	}
	return o
}

// requestID is the id of a client's request, callID that of the application's call.
var (
	requestID = m("type", []any{"number", "string"}, "maxLength", 64)
	callID    = m("type", "integer")
)

// part is a member of a frame.
type part struct {
	name     string
	schema   object // nil if the frame has no such member
	required bool
}

func required(name string, schema object) part { return part{name, schema, true} }

func optional(name string, schema object) part { return part{name, schema, false} }

// frame returns the schema of a frame of plain WebSocket.
func frame(parts ...part) object {
	properties, needed := object{}, []any{}
	for _, p := range parts {
		if p.schema == nil {
			continue
		}
		properties = properties.With(p.name, p.schema)
		if p.required {
			needed = append(needed, p.name)
		}
	}
	o := m("type", "object", "properties", properties)
	if len(needed) > 0 {
		o = o.With("required", needed)
	}
	return o
}

func is(event string) object { return m("const", event) }

// request returns what a client sends.
func (d *channelDoc) request(o operation) payload {
	if d.framed {
		o.payload.schema = frame(required("event", is(o.event)), optional("data", o.payload.schema), optional("id", requestID))
	}
	return o.payload
}

// resultOf returns the answer, which is empty without a result.
func (d *channelDoc) resultOf(o operation) payload {
	switch {
	case d.framed && o.result.schema == nil:
		o.result.schema = frame(required("id", requestID))
	case d.framed:
		o.result.schema = frame(optional("event", is(o.event)), optional("id", requestID), required("data", o.result.schema))
	}
	return o.result
}

// event returns an event, an item of a stream, or a call.
func (d *channelDoc) event(o operation, role string) payload {
	if !d.framed {
		return o.payload
	}
	parts := []part{required("event", is(o.event)), {"data", o.payload.schema, len(o.payload.schema) > 0}}
	switch role {
	case "item":
		parts = append(parts, optional("re", requestID))
	case "call":
		parts = append(parts, required("id", callID))
	}
	o.payload.schema = frame(parts...)
	return o.payload
}

// exception returns the message of an error: one for all handlers that list none.
func (d *channelDoc) exception(o operation) object {
	schema, event := m("$ref", "#/components/schemas/"+exceptionName), websockets.EventException
	if codes := codes(o.errors); codes != nil {
		schema, event = m("allOf", []any{schema, m("properties", m("code", codes))}), o.event
	}
	if d.framed {
		schema = frame(required("event", is(websockets.EventException)), optional("id", requestID), required("data", schema))
	}
	return d.message(event, "exception", payload{schema: schema})
}
