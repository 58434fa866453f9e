package packet

import (
	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
	"github.com/gatehouse-go/gatehouse/internal/tracecontext"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// tracePrefix is what the argument with the trace context starts with.
const tracePrefix = "tp="

// traceLiteral is the length of that argument in JSON.
const traceLiteral = len(`"`+tracePrefix+`"`) + tracecontext.Size

// CutTrace removes the last argument of an event from its payload, if that is a W3C traceparent of 55 characters with the prefix
// "tp=", and returns it; nil without one. It changes the bytes of the payload, of which the result is a part.
func CutTrace(p *websockets.Payload) []byte {
	b := p.JSON
	end := len(b)
	if p.Spread {
		for end--; end > 0 && jsonscan.Space(b[end-1:end], 0) == 1; end-- { // the bracket, and white space before it
		}
	}
	start := end - traceLiteral
	if start < 0 {
		return nil
	}
	text := b[start+1+len(tracePrefix) : end-1]
	if b[start] != '"' || b[end-1] != '"' || string(b[start+1:start+1+len(tracePrefix)]) != tracePrefix || !tracecontext.Valid(text) {
		return nil
	}
	if !p.Spread {
		if start > 0 { // part of another value
			return nil
		}
		p.JSON = nil
		return text
	}
	comma := start - 1
	for comma > 0 && jsonscan.Space(b[comma:comma+1], 0) == 1 {
		comma--
	}
	if comma < 0 || b[comma] != ',' { // part of another value
		return nil
	}
	first := jsonscan.Space(b, 1)
	if one := jsonscan.Value(b, first, jsonscan.MaxDepth); one > 0 && jsonscan.Space(b, one) == comma {
		p.JSON, p.Spread = b[first:one:one], false
		return text
	}
	b[comma] = ']'
	p.JSON = b[: comma+1 : comma+1]
	return text
}
