package contract

import (
	"fmt"
	"reflect"
	"strings"
)

// Problem is something that the documents do not describe, with the place where it is. Fields without a meaning for it are empty.
type Problem struct {
	// Gateway is the name of the gateway, Event the event.
	Gateway, Event string
	// Route is the route: "GET /rooms".
	Route string
	// Field is the path of the field in a payload, in names of JSON: "items.price".
	Field string
	// Type is the type that has no schema. In its place the documents accept any value.
	Type reflect.Type
	// Text says what is wrong, and what to do.
	Text string
}

// String returns the problem on one line: `gateway chat.NewGateway: event "join": field wait: time.Duration: …`.
func (p Problem) String() string {
	var parts []string
	add := func(format string, v any) { parts = append(parts, fmt.Sprintf(format, v)) }
	if p.Gateway != "" {
		add("gateway %s", p.Gateway)
	}
	if p.Event != "" {
		add("event %q", p.Event)
	}
	if p.Route != "" {
		add("route %s", p.Route)
	}
	if p.Field != "" {
		add("field %s", p.Field)
	}
	if p.Type != nil {
		add("%v", p.Type)
	}
	return strings.Join(append(parts, p.Text), ": ")
}
