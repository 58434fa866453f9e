package client

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/tracecontext"
)

// trace returns the trace context of a message.
func (c *Conn) trace(ctx context.Context) (parent, state string, err error) {
	if c.opts.Trace == nil {
		return "", "", nil
	}
	defer recovered.Into(&err)
	parent, state = c.opts.Trace(ctx)
	if !tracecontext.Valid(parent) {
		return "", "", nil
	}
	if !tracecontext.ValidState(state) {
		state = ""
	}
	return parent, state, nil
}

// appendTrace adds the trace context to the text of a message.
func appendTrace(text []byte, parent, state string) []byte {
	if parent == "" {
		return text
	}
	text = append(append(text[:len(text)-1], `,"traceparent":"`...), parent...)
	text = append(text, '"')
	if state != "" {
		text, _ = jsontext.AppendQuote(append(text, `,"tracestate":`...), state) // it is ASCII
	}
	return append(text, '}')
}
