package protocol_test

import (
	"strings"
	"testing"
)

const openPacket = `0{"sid":"ID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`

// TestEngineIO follows the specification of Engine.IO protocol 4. Engine.IO messages are
// Socket.IO events here.
func TestEngineIO(t *testing.T) {
	compareAll(t, newBench(t, calm), []scene{
		{"polling opens a session", func(p *play) {
			p.request("GET", "?EIO=4&transport=polling")
		}, "GET ?EIO=4&transport=polling: 200 " + openPacket},
		{"polling needs EIO", func(p *play) {
			p.request("GET", "?transport=polling")
			p.request("GET", "?EIO=abc&transport=polling")
		}, `
			GET ?transport=polling: 400 {"code":5,"message":"Unsupported protocol version"}
			GET ?EIO=abc&transport=polling: 400 {"code":5,"message":"Unsupported protocol version"}`},
		{"polling needs transport", func(p *play) {
			p.request("GET", "?EIO=4")
			p.request("GET", "?EIO=4&transport=abc")
		}, `
			GET ?EIO=4: 400 {"code":0,"message":"Transport unknown"}
			GET ?EIO=4&transport=abc: 400 {"code":0,"message":"Transport unknown"}`},
		{"a session is opened by GET only", func(p *play) {
			p.request("POST", "?EIO=4&transport=polling")
			p.request("PUT", "?EIO=4&transport=polling")
		}, `
			POST ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			PUT ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}`},
		{"websocket opens a session", func(p *play) {
			p.dial("?EIO=4&transport=websocket").receive(1)
		}, `
			ws ?EIO=4&transport=websocket: open
			ws < 0{"sid":"ID","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`},
		{"websocket needs EIO", func(p *play) {
			for _, query := range []string{"?transport=websocket", "?EIO=abc&transport=websocket"} {
				if s := p.dial(query); s != nil {
					s.receiveAll()
				}
			}
		}, ""},
		{"websocket needs transport", func(p *play) {
			p.dial("?EIO=4")
			p.dial("?EIO=4&transport=abc")
		}, ""},

		{"polling carries one text", func(p *play) {
			p.enter()
			p.post(`42["message","hello"]`)
			p.get()
		}, `
			POST 42["message","hello"]: 200 ok
			GET: 200 42["message-back","hello"]`},
		{"polling carries several texts", func(p *play) {
			p.enter()
			p.post("42[\"message\",1]\x1e42[\"message\",2]\x1e42[\"message\",3]")
			p.poll(3)
		}, `
			POST 42["message",1]␞42["message",2]␞42["message",3]: 200 ok
			poll < 42["message-back",1] | 42["message-back",2] | 42["message-back",3]`},
		{"polling carries text and binary", func(p *play) {
			p.enter()
			p.post("42[\"message\",\"€\"]\x1e451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA==")
			p.poll(3)
		}, `
			POST 42["message","€"]␞451-["message",{"_placeholder":true,"num":0}]␞bAQIDBA==: 200 ok
			poll < 42["message-back","€"] | 451-["message-back",{"_placeholder":true,"num":0}] | bAQIDBA==`},
		{"several packets arrive in one poll", func(p *play) {
			p.enter()
			for range 20 { // a poll may come before all are handled
				p.unrecorded(func() { p.post("42[\"message\",1]\x1e42[\"message\",2]\x1e427[\"message-with-ack\"]") })
				p.settle()
				a := p.startGet().answer()
				if n := strings.Count(a.body, "\x1e"); a.status == 200 && n < 2 {
					p.packets(2 - n)
					continue
				}
				p.notef("GET: %v", a)
				return
			}
		}, `GET: 200 42["message-back",1]␞42["message-back",2]␞437[]`},
		{"polling: a packet of unknown type closes the session", func(p *play) {
			p.enter()
			p.post("abc")
			p.left()
			p.get()
		}, ""},
		{"polling: a concurrent GET closes the session", func(p *play) {
			p.enter()
			first := p.heldPoll()
			p.get()
			p.notef("first GET: %v", first.answer())
			p.left()
			p.get()
		}, ""},
		{"polling: a cancelled GET closes the session", func(p *play) {
			p.enter()
			p.heldPoll().cancel()
			p.left()
			p.get()
		}, `
			left: transport error
			GET: 400 {"code":1,"message":"Session ID unknown"}`},
		{"polling: a concurrent POST closes the session", func(p *play) {
			p.enter()
			first := p.halfPost()
			p.post("3")
			p.notef("first POST: %v", first.answer())
			p.left()
			p.get()
		}, ""},

		{"websocket carries text", func(p *play) {
			s := p.enterWS()
			s.send(`42["message","hello"]`, `42["message","€"]`)
			s.receive(2)
		}, `
			ws > 42["message","hello"]
			ws > 42["message","€"]
			ws < 42["message-back","hello"]
			ws < 42["message-back","€"]`},
		{"websocket carries binary", func(p *play) {
			s := p.enterWS()
			s.send(`451-["message",{"_placeholder":true,"num":0}]`)
			s.sendBinary("\x01\x02\x03\x04")
			s.receive(2)
		}, `
			ws > 451-["message",{"_placeholder":true,"num":0}]
			ws > <01 02 03 04>
			ws < 451-["message-back",{"_placeholder":true,"num":0}]
			ws < <01 02 03 04>`},
		{"websocket: a packet of unknown type closes the session", func(p *play) {
			s := p.enterWS()
			s.send("abc")
			s.receiveAll()
			p.left()
		}, ""},

		{"close by polling", func(p *play) {
			p.enter()
			waiting := p.heldPoll()
			p.post("1")
			p.notef("GET: %v", waiting.answer())
			p.left()
			p.get()
		}, `
			POST 1: 200 ok
			GET: 200 6
			left: transport close
			GET: 400 {"code":1,"message":"Session ID unknown"}`},
		{"close by websocket", func(p *play) {
			s := p.enterWS()
			s.send("1")
			s.works()
		}, ""},

		{"upgrade", func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			p.get()
			s.send("5")
			s.works()
		}, `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws < 3probe
			GET: 200 6
			ws > 5
			ws works`},
		{"upgrade ends a poll that waits", func(p *play) {
			p.enter()
			waiting := p.heldPoll()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			p.notef("GET: %v", waiting.answer())
			s.send("5")
			s.works()
		}, `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws < 3probe
			GET: 200 6
			ws > 5
			ws works`},
		{"no HTTP after the upgrade", func(p *play) {
			p.enter()
			s := p.upgrade()
			s.works()
			p.get()
			p.post("3")
			s.works()
		}, `
			ws works
			GET: 400 {"code":3,"message":"Bad request"}
			POST 3: 400 {"code":3,"message":"Bad request"}
			ws works`},
		{"no second websocket after the upgrade", func(p *play) {
			p.enter()
			s := p.upgrade()
			s.works()
			if second := p.dialSession(); second != nil {
				second.receiveAll()
			}
			s.works()
		}, ""},
		{"no second websocket to a websocket session", func(p *play) {
			s := p.enterWS()
			if second := p.dialSession(); second != nil {
				second.send("2probe")
				second.receive(1)
			}
			s.works()
		}, ""},
	})
}

// halfPost starts a POST and sends half of its body.
func (p *play) halfPost() *exchange {
	p.t.Helper()
	p.asked++
	x := startExchange(p.t, p.addr, "POST", p.path("polling"), "Content-Length: 30")
	x.write(`42["message",`)
	p.settle()
	return x
}
