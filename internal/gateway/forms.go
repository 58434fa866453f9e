package gateway

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// forms makes the plans of a gateway's payloads, so that no message has to wait for that. It adds what is wrong with
// their types: those that JSON cannot hold.
func (p *planner) forms(g *gatewayPlan, endpoints []*config.Gateway) {
	add := func(where, what string, t reflect.Type, sent bool) {
		if t == nil {
			return
		}
		if err := planPayload(t, sent); err != nil {
			p.addf("gateway %s: %s: %s %v: %v", g.name, where, what, t, err)
		}
	}
	event := func(e config.Event) {
		name, t := typeOfEvent(e)
		where := fmt.Sprintf("event %q", name)
		if at, ok := e.(interface{ EventPlace(seal.Framework) string }); ok {
			where += inParentheses(at.EventPlace(framework))
		}
		add(where, "the payload", t.payload, true)
		add(where, "the answer", t.answer, false)
	}
	for _, c := range endpoints {
		for _, e := range c.Emits {
			event(e)
		}
		for _, k := range c.Shares {
			where := fmt.Sprintf("shared key %q", k)
			add(where, "the value", k.Type(), true)
			add(where, "the value", k.Type(), false)
		}
	}
	for _, s := range g.subs {
		where := fmt.Sprintf("%s, %s", nameOf(s), s.Func[strings.LastIndexByte(s.Func, '/')+1:])
		add(where, "the payload", s.In, !s.Kind.HasClient()) // it is sent too
		if s.Item != nil {
			add(where, "the response", s.Item, true)
		} else {
			add(where, "the result", s.Out, true)
		}
		for _, e := range s.Sends {
			event(e)
		}
	}
}

// planPayload makes the plan of a type, which the codec keeps, and returns what is wrong with the type.
func planPayload(t reflect.Type, sent bool) (err error) {
	if sent {
		_, err = codec.EncoderOf(t)
	} else {
		_, err = codec.DecoderOf(t)
	}
	return err
}

// nameOf returns the name of a handler in errors, with the place where it was subscribed.
func nameOf(s handler.Spec) string {
	return fmt.Sprintf("subscription %q", s.Event) + inParentheses(s.Place)
}

func inParentheses(place string) string {
	if place == "" {
		return ""
	}
	return " (" + place + ")"
}
