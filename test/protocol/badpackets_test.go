package protocol_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestBadPackets sends invalid packets after CONNECT, each on a new websocket.
func TestBadPackets(t *testing.T) {
	b := newBench(t, calm)
	placeholder := `{"_placeholder":true,"num":0}`
	var scenes []scene
	for _, text := range []string{
		"4", "47", "49", "4-1", "4 0", "4\x00",
		"40", "40/", "40/custom,,", "40/random,[", "40/,",
		`40{"a":1}x`, `40/custom,[]`, `40/custom,"token"`, `40/custom,null`, `40/custom,true`,
		`41{}`, `41"x"`, `41/random,`,
		`42["message",1`, `42["message",1]x`, `42["message",1]]`, `42 ["message",1]`, `42["message",1] `, `42["message",NaN]`, `42["message",'a']`, `42["message",01]`, "42[\"message\",\"\t\"]", `42["message","\ud800"]`, `42["message","\u0000"]`, `42["message",{"__proto__":1}]`,
		`42"message"`, `42null`, `42[null]`, `42[{}]`, `42[true]`, `42[5,"x"]`, `42[""]`, `42["unknown",1]`,
		`42["connect"]`, `42["connect_error"]`, `42["disconnect"]`, `42["disconnecting"]`, `42["newListener"]`, `42["removeListener"]`, `42["error"]`, `42["exception"]`, `42["constructor"]`,
		`42-1["message-with-ack",1]`, `421.5["message-with-ack",1]`, `4299999999999999999999["message-with-ack",1]`, `4209["message-with-ack",1]`, `429007199254740993["message-with-ack",1]`,
		`43["x"]`, `4399["x"]`, `4399`, `4399{}`, `4399[]`, `43/custom,99[]`,
		`44{"message":"x"}`, `44"x"`, `44`,
		`45["message",1]`, `450-["message",1]`, `45-["message",1]`, `451["message",1]`, `45-1-["message",1]`, `451.5-["message",1]`, `45x-["message",1]`, `4599-["message",` + placeholder + `]`, `45999999999999-["message",` + placeholder + `]`,
		`460-99[]`, `46-99[]`,
		`42/custom,["message",1]`, `42/custom["message",1]`, `42/["message",1]`,
		"0", "2", "5", "6", "7", "", "3", "b", "bAQ==",
	} {
		name := text
		if len(name) > 60 {
			name = name[:60]
		}
		scenes = append(scenes, scene{name: name, play: func(p *play) {
			s := p.enterWS()
			s.send(text)
			s.outcome()
		}})
	}
	// These are answered, or close the session.
	for _, text := range []string{
		"40/custom", `40/custom,5`, `40/custom,{"a":1,"b":[null]}`, `40/custom, {}`,
		"40//,", "40/random", "40/custom/,", "40/CUSTOM,", "40/custom?token=1,", "40/%63ustom,", "40custom,",
		"40/" + strings.Repeat("n", 600) + ",",
	} {
		scenes = append(scenes, scene{name: "answered: " + brief(text), play: func(p *play) {
			s := p.enterWS()
			s.send(text)
			f := s.nextFrame()
			p.notef("ws < %s", brief(f.text))
			if f.ended {
				p.left()
				return
			}
			if strings.HasPrefix(f.text, "40") {
				s.receive(1)
			}
			s.works()
		}})
	}
	scenes = append(scenes, scene{name: "DISCONNECT, then an event", play: func(p *play) {
		s := p.enterWS()
		s.send("41")
		p.left()
		s.send(`42["message",1]`)
		s.receiveAll()
	}}, scene{name: "DISCONNECT from one of two namespaces, then an event", play: func(p *play) {
		s := p.enterWS()
		p.unrecorded(func() { s.send("40/custom,"); s.receive(2) })
		s.send("41/custom,")
		s.works()
		s.send(`42/custom,["message",1]`)
		s.receiveAll()
		p.left()
	}}, scene{name: "DISCONNECT twice", play: func(p *play) {
		s := p.enterWS()
		s.send("41")
		p.left()
		s.send("41")
		s.receiveAll()
	}})
	compareAll(t, b, scenes)
}

// TestAttachments sends binary packets with invalid parts.
func TestAttachments(t *testing.T) {
	type part struct{ text, binary string }
	text := func(s string) part { return part{text: s} }
	bin := func(s string) part { return part{binary: s} }
	plays := func(parts ...part) func(p *play) {
		return func(p *play) {
			s := p.enterWS()
			for _, part := range parts {
				if part.text != "" {
					s.send(part.text)
				} else {
					s.sendBinary(part.binary)
				}
			}
			s.outcome()
		}
	}
	const one = `451-["message",{"_placeholder":true,"num":0}]`
	many := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"_placeholder":true,"num":%d}`, i)
		}
		return fmt.Sprintf(`45%d-["unused",%s]`, n, strings.Join(list, ","))
	}
	compareAll(t, newBench(t, calm), []scene{
		{name: "binary without a packet", play: plays(bin("\x01"))},
		{name: "one attachment too many", play: plays(text(`451-["unused",{"_placeholder":true,"num":0}]`), bin("\x01"), bin("\x02"))},
		{name: "an event in between", play: plays(text(one), text(`42["message",1]`), bin("\x01"))},
		{name: "a binary event in between", play: plays(text(one), text(one), bin("\x01"))},
		{name: "a pong in between", play: plays(text(one), text("3"), bin("\x01"))},
		{name: "the attachment is missing", play: plays(text(one))},
		{name: "empty attachment", play: plays(text(one), bin(""))},
		{name: "unused attachment", play: plays(text(`451-["message",1]`), bin("\x01"))},
		{name: "the same attachment twice", play: plays(text(`451-["message",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]]`), bin("\x01"))},
		{name: "attachments in another order", play: plays(text(`452-["message",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`), bin("\x01"), bin("\x02"))},
		{name: "placeholder past the end", play: plays(text(`451-["message",{"_placeholder":true,"num":1}]`), bin("\x01"))},
		{name: "placeholder below zero", play: plays(text(`451-["message",{"_placeholder":true,"num":-1}]`), bin("\x01"))},
		{name: "placeholder with a fraction", play: plays(text(`451-["message",{"_placeholder":true,"num":0.5}]`), bin("\x01"))},
		{name: "placeholder with a text", play: plays(text(`451-["message",{"_placeholder":true,"num":"0"}]`), bin("\x01"))},
		{name: "placeholder without a number", play: plays(text(`451-["message",{"_placeholder":true}]`), bin("\x01"))},
		{name: "placeholder that is false", play: plays(text(`451-["message",{"_placeholder":false,"num":0}]`), bin("\x01"))},
		{name: "placeholder with more in it", play: plays(text(`451-["message",{"_placeholder":true,"num":0,"x":1}]`), bin("\x01"))},
		{name: "placeholder in an event without attachments", play: plays(text(`42["message",{"_placeholder":true,"num":0}]`))},
		{name: "placeholder as the event name", play: plays(text(`451-[{"_placeholder":true,"num":0}]`), bin("\x01"))},
		{name: "placeholder as the payload", play: plays(text(`451-{"_placeholder":true,"num":0}`), bin("\x01"))},
		{name: "deep placeholder", play: plays(text(`451-["message",{"a":[{"b":{"_placeholder":true,"num":0}}]}]`), bin("\x01"))},
		{name: "ten attachments", play: func(p *play) {
			s := p.enterWS()
			s.send(many(10))
			for range 10 {
				s.write(binaryMessage, "\x01")
			}
			s.outcome()
		}},
		{name: "eleven attachments", play: plays(text(many(11)))},
		{name: "binary ack without a request", play: plays(text(`461-99[{"_placeholder":true,"num":0}]`), bin("\x01"))},
		{name: "attachment for a namespace that was not entered", play: plays(text(`451-/custom,["message",{"_placeholder":true,"num":0}]`), bin("\x01"))},
		{name: "attachment, then the end", play: func(p *play) {
			s := p.enterWS()
			s.send(one)
			s.cut()
			p.left()
		}},
	})
}

// TestBadPacketsByPolling is the same over polling, where the close is delivered by a poll.
func TestBadPacketsByPolling(t *testing.T) {
	// waiting posts while a poll waits; later polls after the POST.
	waiting := func(enter bool, body string) func(p *play) {
		return func(p *play) {
			p.start(enter)
			x := p.heldPoll()
			p.post(body)
			p.notef("GET: %v", x.answer())
			p.awaitEnd()
			if enter {
				p.left()
			}
		}
	}
	later := func(enter bool, body string) func(p *play) {
		return func(p *play) {
			p.start(enter)
			p.post(body)
			p.get() // npm's server closes the session at this poll
			p.awaitEnd()
			if enter {
				p.left()
			}
		}
	}
	compareAll(t, newBench(t, calm), []scene{
		{name: "an event before CONNECT, a poll waits", play: waiting(false, `42["message",1]`)},
		{name: "an event before CONNECT", play: later(false, `42["message",1]`)},
		{name: "an unknown packet before CONNECT", play: later(false, "49")},
		{name: "an unknown packet, a poll waits", play: waiting(true, "49")},
		{name: "an unknown packet", play: later(true, "49")},
		{name: "an unknown packet, then an event", play: later(true, "49\x1e42[\"message\",1]")},
		{name: "an event, then an unknown packet", play: later(true, "42[\"message\",1]\x1e49")},
		{name: "CONNECT twice, a poll waits", play: waiting(true, "40")},
		{name: "CONNECT twice", play: later(true, "40")},
		{name: "a reserved event", play: later(true, `42["disconnect"]`)},
		{name: "an attachment without a packet", play: later(true, "bAQ==")},
		{name: "an event instead of an attachment", play: later(true, "451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1e42[\"message\",1]")},
		{name: "an event right behind CONNECT", play: later(false, "40\x1e42[\"message\",1]")},
		{name: "CONNECT to an unknown namespace", play: func(p *play) {
			p.open()
			p.post("40/random,")
			p.poll(1)
			p.post("40")
			p.poll(2)
		}},
		{name: "DISCONNECT, then an event", play: func(p *play) {
			p.enter()
			p.post("41")
			p.left()
			p.post(`42["message",1]`)
			p.get()
			p.awaitEnd()
		}},
		{name: "DISCONNECT, then CONNECT", play: func(p *play) {
			p.enter()
			p.post("41")
			p.left()
			p.post("40")
			p.poll(2)
			p.works()
		}},
		{name: "the server disconnects, a poll waits", play: func(p *play) {
			p.enter()
			x := p.heldPoll()
			p.post(`42["kick"]`)
			p.notef("GET: %v", x.answer())
			p.left()
		}},
		{name: "the server disconnects", play: func(p *play) {
			p.enter()
			p.post(`42["kick"]`)
			p.left()
			p.get()
		}},
	})
}

func (p *play) start(enter bool) {
	p.t.Helper()
	if enter {
		p.enter()
	} else {
		p.open()
	}
}
