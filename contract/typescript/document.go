package typescript

import (
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
)

type object = jsonschema.Object

// document is an AsyncAPI document.
type document struct{ root object }

// get returns the object at a path of members; nil if there is none.
func get(o object, path ...string) object {
	for _, name := range path {
		o, _ = o.Get(name).(object)
	}
	return o
}

func text(o object, name string) string {
	s, _ := o.Get(name).(string)
	return s
}

func isTrue(v any) bool {
	b, ok := v.(jsontext.Value)
	return ok && string(b) == "true"
}

// target returns the last name of the reference in an object.
func target(v any) string {
	o, _ := v.(object)
	ref := text(o, "$ref")
	return ref[strings.LastIndexByte(ref, '/')+1:]
}

// endpoint is a channel as the client sees it.
type endpoint struct {
	channel, platform, address, path string
	params                           []string
	fallback                         bool
	calls, streams, events, asks     []entry
	gateways                         []string
}

// entry is an event of an endpoint.
type entry struct {
	event     string
	comment   string
	in, out   *payload // out of events is nil
	items     []entry  // of a stream
	codes     []string
	droppable bool
}

// payload is what a message carries; a nil schema is nothing.
type payload struct {
	schema any
	spread bool
}

var role = regexp.MustCompile(`\.(request|result|item|event|call|answer|exception)(-\d+)?$`)

// endpoints returns the channels of the document in its order.
func (g *generator) endpoints() (all []*endpoint) {
	servers := get(g.root, "servers")
	for _, c := range get(g.root, "channels") {
		channel, _ := c.Value.(object)
		list, _ := channel.Get("servers").([]any)
		if len(list) == 0 {
			continue
		}
		server := get(servers, target(list[0]))
		e := &endpoint{
			channel: c.Name, platform: text(server, "x-gatehouse-platform"), address: text(channel, "address"),
			path: text(server, "pathname"), fallback: isTrue(channel.Get("x-gatehouse-fallback")),
		}
		if g.settings.platform != "" && g.settings.platform != e.platform {
			continue
		}
		if e.platform != "ws" && e.platform != "socketio" {
			g.problem(Problem{Channel: c.Name, Text: "the client has no runtime for the platform " + e.platform + ": the channel is left out"})
			continue
		}
		for _, p := range get(channel, "parameters") {
			e.params = append(e.params, p.Name)
		}
		for _, o := range get(g.root, "operations") {
			op, _ := o.Value.(object)
			if target(op.Get("channel")) == c.Name {
				g.operation(e, get(channel, "messages"), op)
			}
		}
		all = append(all, e)
	}
	return all
}

// operation adds an operation to its endpoint.
func (g *generator) operation(e *endpoint, messages, op object) {
	list, _ := op.Get("messages").([]any)
	reply := get(op, "reply")
	if len(list) == 0 || text(op, "action") == "receive" && reply == nil {
		return // how clients cancel a stream: the runtime's
	}
	message := get(messages, target(list[0]))
	event := text(message, "name")
	if name := text(op, "x-gatehouse-gateway"); name != "" {
		e.gateways = addOnce(e.gateways, name)
	}
	replies, _ := reply.Get("messages").([]any)
	added := entry{event: event, comment: text(op, "description"), in: e.data(message), droppable: isTrue(op.Get("x-gatehouse-droppable"))}
	switch {
	case text(op, "action") == "send" && event == "exception":
	case text(op, "action") == "send" && reply == nil:
		g.add(e, &e.events, added)
	case text(op, "action") == "send":
		added.out = e.data(get(messages, target(replies[0])))
		g.add(e, &e.asks, added)
	default:
		g.received(e, messages, op, added)
	}
}

// received adds what a handler receives and answers.
func (g *generator) received(e *endpoint, messages, op object, added entry) {
	isStream := isTrue(op.Get("x-gatehouse-stream"))
	replies, _ := get(op, "reply").Get("messages").([]any)
	for _, r := range replies {
		key := target(r)
		message := get(messages, key)
		found := role.FindStringSubmatch(key)
		if found == nil {
			continue
		}
		switch found[1] {
		case "result":
			added.out = e.data(message)
		case "exception":
			added.codes = codes(e.data(message))
		default:
			item := entry{event: text(message, "name"), in: e.data(message)}
			if isStream {
				added.items = append(added.items, item)
			} else {
				g.add(e, &e.events, item)
			}
		}
	}
	if isStream {
		g.add(e, &e.streams, added)
		return
	}
	g.add(e, &e.calls, added)
}

// add adds an event once.
func (g *generator) add(e *endpoint, to *[]entry, added entry) {
	for _, known := range *to {
		if known.event != added.event {
			continue
		}
		if !jsonschema.Equal(known.in.schema, added.in.schema, nil) {
			g.problem(Problem{Channel: e.channel, Event: added.event, Text: "it has two forms of data, of which the client has the first: give one another name"})
		}
		return
	}
	*to = append(*to, added)
}

// data returns what a message carries: of plain WebSocket a member of the frame.
func (e *endpoint) data(message object) *payload {
	schema, _ := message.Get("payload").(object)
	if e.platform == "ws" {
		return &payload{schema: get(schema, "properties").Get("data")}
	}
	p := &payload{spread: text(message, "x-gatehouse-args") == "spread"}
	if schema != nil {
		p.schema = schema
	}
	return p
}

// codes returns the codes that the exception of an operation lists.
func codes(p *payload) (all []string) {
	schema, _ := p.schema.(object)
	parts, _ := schema.Get("allOf").([]any)
	for _, part := range parts {
		o, _ := part.(object)
		anyOf, _ := get(o, "properties", "code").Get("anyOf").([]any)
		for _, a := range anyOf {
			listed, _ := a.(object)
			values, _ := listed.Get("enum").([]any)
			for _, v := range values {
				if s, ok := v.(string); ok {
					all = addOnce(all, s)
				}
			}
		}
	}
	return all
}

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
