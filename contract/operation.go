package contract

import (
	"fmt"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// arguments is implemented by websockets.Args2 and Args3.
type arguments interface {
	Arguments(f seal.Framework) []any
}

// payload describes a whole payload.
func (b *builder) payload(t reflect.Type, use jsonschema.Use) payload {
	if !t.Implements(reflect.TypeFor[arguments]()) {
		return payload{schema: b.schemas.Of(t, use)}
	}
	items := []any{}
	for f := range t.Fields() {
		items = append(items, b.schemas.Of(f.Type, use))
	}
	o := jsonschema.M("type", "array", "prefixItems", items)
	if use&jsonschema.Received == 0 {
		o = append(o, jsonschema.Member{Name: "minItems", Value: len(items)}, jsonschema.Member{Name: "maxItems", Value: len(items)})
	}
	return payload{o, true}
}

// isNothing reports whether a type is that of handlers without a payload.
func isNothing(t reflect.Type) bool { return t == reflect.TypeFor[struct{}]() }

// subscription describes a handler.
func (b *builder) subscription(c *channel, g *websockets.GatewayInfo, s *websockets.SubscriptionInfo) operation {
	o := operation{
		action: receive, gateway: g.Name, event: s.Event, kind: s.Kind, errors: s.Errors, strict: s.Strict, background: s.Background,
		description: b.settings.description(s.Func), security: b.requirements(s.Security, c.schemeKinds()),
	}
	if !isNothing(s.In) {
		o.payload = b.payload(s.In, c.received())
	}
	switch {
	case s.Item != nil:
		if len(s.Sends) == 0 {
			b.problem(Problem{Gateway: g.Name, Event: s.Event, Text: fmt.Sprintf(
				"the events of its %s are not known: list them with websockets.Sends", map[bool]string{true: "items", false: "response"}[s.Kind == websockets.KindStream])})
		}
		for _, e := range s.Sends {
			o.responses = append(o.responses, b.emitted(c, g.Name, e))
		}
	case s.Out != nil:
		o.result = b.payload(s.Out, c.sent())
		if !c.framed && couldBeException(o.result.schema) {
			b.problem(Problem{Gateway: g.Name, Event: s.Event, Type: s.Out, Text: "its result has the texts status and message, so that clients of Socket.IO " +
				"cannot distinguish it from an error: rename one of them"})
		}
	}
	return o
}

// couldBeException reports whether each value of a schema has what an exception has.
func couldBeException(o jsonschema.Object) bool {
	o = jsonschema.Resolve(o)
	properties, _ := o.Get("properties").(jsonschema.Object)
	required, _ := o.Get("required").([]any)
	found := 0
	for _, name := range required {
		if name == "status" || name == "message" {
			if p, ok := properties.Get(name.(string)).(jsonschema.Object); ok && jsonschema.Resolve(p).Get("type") == "string" {
				found++
			}
		}
	}
	return found == 2
}

// emitted describes an event or a call of the application.
func (b *builder) emitted(c *channel, gateway string, e websockets.EventInfo) operation {
	name, t := e.EventInfo()
	b.at.Event = name
	o := operation{action: send, gateway: gateway, event: name}
	if !isNothing(t) {
		o.payload = b.payload(t, c.sent())
	}
	if e, ok := e.(interface {
		EmitOptions(f seal.Framework) emit.Options
	}); ok {
		opts := e.EmitOptions(seal.Framework{})
		o.payload.spread, o.droppable = o.payload.spread || opts.Spread, opts.Droppable()
	}
	if call, ok := e.(websockets.Answered); ok {
		o.answered = true
		o.answerType = call.AnswerInfo()
		if !isNothing(o.answerType) {
			o.answer = b.payload(o.answerType, c.received())
		}
	}
	b.sameEverywhere(c, &o, t)
	return o
}

// sameEverywhere adds a problem where a channel has an event already, with data of another form: its clients cannot know which comes.
func (b *builder) sameEverywhere(c *channel, o *operation, t reflect.Type) {
	first, known := c.sends[o.event]
	if !known {
		if c.sends == nil {
			c.sends = map[string]sentEvent{}
		}
		c.sends[o.event] = sentEvent{o.payload, o.answerType, t}
		return
	}
	same := func(a, b *jsonschema.Ref) bool { return a == b }
	if first.answerType == o.answerType && first.payload.spread == o.payload.spread &&
		(first.typ == t || jsonschema.Equal(first.payload.schema, o.payload.schema, same)) {
		return
	}
	b.problem(Problem{Gateway: o.gateway, Event: o.event, Text: fmt.Sprintf("%s sends it in two forms, %v and %v, and the documents have the first: give one of them another name",
		c.address, formOf(first.typ, first.answerType), formOf(t, o.answerType))})
}

func formOf(t, answer reflect.Type) string {
	if answer == nil {
		return t.String()
	}
	return fmt.Sprintf("%v answered by %v", t, answer)
}

// cancel describes how clients end a stream.
func (*builder) cancel(c *channel) operation {
	o := operation{action: receive, event: websockets.EventCancel, payload: payload{schema: jsonschema.M("type", "string", "description", "the event of the stream")}}
	if c.framed {
		o.event = "cancel"
	}
	return o
}

// exceptionSchema is the schema of what clients see of an error.
func exceptionSchema() jsonschema.Object {
	text := jsonschema.M("type", "string")
	cause := jsonschema.M("type", "object", "properties", jsonschema.M("pattern", text, "data", jsonschema.Object{}), "required", []any{"pattern"})
	return jsonschema.M("type", "object",
		"properties", jsonschema.M("status", jsonschema.M("const", "error"), "message", text, "code", text, "details", jsonschema.Object{}, "cause", cause),
		"required", []any{"status", "message"})
}

// codes returns the schema of an error's code, which is one of those listed or another one of the framework; nil if none is listed.
func codes(errs []*websockets.Error) jsonschema.Object {
	listed := []any{}
	for _, e := range errs {
		if e.Code != "" {
			listed = append(listed, e.Code)
		}
	}
	if len(listed) == 0 {
		return nil
	}
	return jsonschema.M("anyOf", []any{jsonschema.M("enum", listed), jsonschema.M("type", "string")})
}
