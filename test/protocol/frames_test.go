package protocol_test

import (
	"strings"
	"testing"
)

// TestFrames sends invalid and unusual WebSocket messages.
func TestFrames(t *testing.T) {
	sends := func(text string) func(p *play) {
		return func(p *play) {
			s := p.enterWS()
			s.send(text)
			s.outcome()
		}
	}
	nested := func(n int) string {
		return `42["unused",` + strings.Repeat("[", n) + strings.Repeat("]", n) + "]"
	}
	long := func(n int) string {
		const around = `42["unused",""]`
		return `42["unused","` + strings.Repeat("a", n-len(around)) + `"]`
	}
	compareAll(t, newBench(t, calm), []scene{
		{name: "invalid UTF-8", play: sends("42[\"message\",\"\xff\"]")},
		{name: "half a character", play: sends("42[\"message\",\"\xe2\x82\"]")},
		{name: "largest message", play: sends(long(maxPayload))},
		{name: "message over the limit", play: sends(long(maxPayload + 1))},
		{name: "attachment over the limit", play: func(p *play) {
			s := p.enterWS()
			s.send(`451-["unused",{"_placeholder":true,"num":0}]`)
			s.write(binaryMessage, strings.Repeat("a", maxPayload+1))
			s.outcome()
		}},
		{name: "message over the limit before CONNECT", play: func(p *play) {
			s := p.openWS()
			s.send(long(maxPayload + 1))
			s.receiveAll()
		}},
		{name: "message over the limit instead of a probe", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send(long(maxPayload + 1))
			s.receiveAll()
			p.works()
		}},
		{name: "nested a thousand times", play: sends(nested(1000))},
		{name: "nested 400,000 times", play: sends(nested(400_000))},
		{name: "many small events", play: func(p *play) {
			s := p.enterWS()
			for range 49 { // one more closes the connection
				s.write(textMessage, `42["unused"]`)
			}
			s.outcome()
		}},
		{name: "a separator in a text", play: sends("42[\"message\",\"a\x1eb\"]")},
		{name: "separators between packets", play: sends("42[\"message\",1]\x1e42[\"message\",2]")},
		{name: "close frame", play: func(p *play) {
			s := p.enterWS()
			s.leave()
			p.left()
		}},
		{name: "cut", play: func(p *play) {
			s := p.enterWS()
			s.cut()
			p.left()
		}},
		{name: "cut before CONNECT", play: func(p *play) { p.openWS().cut() }},
	})
}
