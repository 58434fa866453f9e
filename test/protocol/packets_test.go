package protocol_test

import "testing"

// TestSocketIO follows the specification of Socket.IO protocol 5.
func TestSocketIO(t *testing.T) {
	// fresh sends to a session that is not connected to a namespace.
	fresh := func(n int, texts ...string) func(p *play) {
		return func(p *play) {
			s := p.openWS()
			s.send(texts...)
			s.receive(n)
		}
	}
	// inside sends to a session that is connected to the main namespace.
	inside := func(n int, texts ...string) func(p *play) {
		return func(p *play) {
			s := p.enterWS()
			s.send(texts...)
			s.receive(n)
		}
	}
	// ends sends a protocol violation.
	ends := func(texts ...string) func(p *play) {
		return func(p *play) {
			s := p.enterWS()
			s.send(texts...)
			s.receiveAll()
			p.left()
		}
	}
	compareAll(t, newBench(t, calm), []scene{
		{"connect to the main namespace", fresh(2, "40"), `
			ws > 40
			ws < 40{"sid":"ID"}
			ws < 42["auth",{}]`},
		{"connect with a payload", fresh(2, `40{"token":"123"}`), `
			ws > 40{"token":"123"}
			ws < 40{"sid":"ID"}
			ws < 42["auth",{"token":"123"}]`},
		{"connect to another namespace", fresh(2, "40/custom,"), `
			ws > 40/custom,
			ws < 40/custom,{"sid":"ID"}
			ws < 42/custom,["auth",{}]`},
		{"connect to another namespace with a payload", fresh(2, `40/custom,{"token":"abc"}`), `
			ws > 40/custom,{"token":"abc"}
			ws < 40/custom,{"sid":"ID"}
			ws < 42/custom,["auth",{"token":"abc"}]`},
		{"connect to two namespaces", func(p *play) {
			s := p.openWS()
			s.send("40")
			s.receive(2)
			s.send("40/custom,")
			s.receive(2)
		}, `
			ws > 40
			ws < 40{"sid":"ID"}
			ws < 42["auth",{}]
			ws > 40/custom,
			ws < 40/custom,{"sid":"ID"}
			ws < 42/custom,["auth",{}]`},
		{"connect to an unknown namespace", fresh(1, "40/random"), `
			ws > 40/random
			ws < 44/random,{"message":"Invalid namespace"}`},
		{"a rejected namespace does not affect others", func(p *play) {
			s := p.openWS()
			s.send("40/random,")
			s.receive(1)
			s.send("40")
			s.receive(2)
		}, `
			ws > 40/random,
			ws < 44/random,{"message":"Invalid namespace"}
			ws > 40
			ws < 40{"sid":"ID"}
			ws < 42["auth",{}]`},
		{"connect with an invalid packet", fresh(1, "4abc"), `
			ws > 4abc
			ws < closed 1005`},
		{"an event before connect", fresh(1, `42["message",1]`), `
			ws > 42["message",1]
			ws < closed 1005`},
		{"an event to a namespace that was not entered", ends(`42/custom,["message",1]`), `
			ws > 42/custom,["message",1]
			ws < closed 1005
			left: forced server close`},
		{"session and socket ids differ", func(p *play) {
			p.enterWS()
			p.notef("%v", p.sid == p.id)
		}, "false"},

		{"disconnect from the main namespace", func(p *play) {
			s := p.enterWS()
			s.send("41")
			p.left()
			s.send("40")
			s.receive(2)
		}, `
			ws > 41
			left: client namespace disconnect
			ws > 40
			ws < 40{"sid":"ID"}
			ws < 42["auth",{}]`},
		{"disconnect from one of two namespaces", func(p *play) {
			s := p.enterWS()
			s.send("40/custom,")
			s.receive(2)
			s.send("41/custom,")
			s.works()
		}, `
			ws > 40/custom,
			ws < 40/custom,{"sid":"ID"}
			ws < 42/custom,["auth",{}]
			ws > 41/custom,
			ws works`},
		{"the server disconnects", func(p *play) {
			s := p.enterWS()
			s.send(`42["kick"]`)
			s.receive(1)
			p.left()
		}, `
			ws > 42["kick"]
			ws < 41
			left: server namespace disconnect`},
		{"the server disconnects from one of two namespaces", func(p *play) {
			s := p.enterWS()
			s.send("40/custom,")
			s.receive(2)
			s.send(`42/custom,["kick"]`)
			s.receive(1)
			s.works()
		}, `
			ws > 40/custom,
			ws < 40/custom,{"sid":"ID"}
			ws < 42/custom,["auth",{}]
			ws > 42/custom,["kick"]
			ws < 41/custom,
			ws works`},

		{"event", inside(1, `42["message",{"3":[true,null,1500,"€"]}]`), `
			ws > 42["message",{"3":[true,null,1500,"€"]}]
			ws < 42["message-back",{"3":[true,null,1500,"€"]}]`},
		{"event with several arguments", inside(1, `42["message",1,"2",{"3":[true]}]`), `
			ws > 42["message",1,"2",{"3":[true]}]
			ws < 42["message-back",1,"2",{"3":[true]}]`},
		{"event without arguments", inside(1, `42["message"]`), `
			ws > 42["message"]
			ws < 42["message-back"]`},
		{"event in another namespace", func(p *play) {
			s := p.enterWS()
			p.unrecorded(func() { s.send("40/custom,"); s.receive(2) })
			s.send(`42/custom,["message",1]`)
			s.receive(1)
		}, `
			ws > 42/custom,["message",1]
			ws < 42/custom,["message-back",1]`},
		{"event with two attachments", func(p *play) {
			s := p.enterWS()
			s.send(`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
			s.sendBinary("\x01\x02\x03")
			s.sendBinary("\x04\x05\x06")
			s.receive(3)
		}, `
			ws > 452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]
			ws > <01 02 03>
			ws > <04 05 06>
			ws < 452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]
			ws < <01 02 03>
			ws < <04 05 06>`},
		{"ack", inside(1, `42456["message-with-ack",{"3":[false]}]`), `
			ws > 42456["message-with-ack",{"3":[false]}]
			ws < 43456[{"3":[false]}]`},
		{"ack without arguments", inside(1, `420["message-with-ack"]`), `
			ws > 420["message-with-ack"]
			ws < 430[]`},
		{"ack in another namespace", func(p *play) {
			s := p.enterWS()
			p.unrecorded(func() { s.send("40/custom,"); s.receive(2) })
			s.send(`42/custom,13["message-with-ack","bar"]`)
			s.receive(1)
		}, `
			ws > 42/custom,13["message-with-ack","bar"]
			ws < 43/custom,13["bar"]`},
		{"ack with an attachment", func(p *play) {
			s := p.enterWS()
			s.send(`451-789["message-with-ack",{"_placeholder":true,"num":0}]`)
			s.sendBinary("\x01\x02\x03")
			s.receive(2)
		}, `
			ws > 451-789["message-with-ack",{"_placeholder":true,"num":0}]
			ws > <01 02 03>
			ws < 461-789[{"_placeholder":true,"num":0}]
			ws < <01 02 03>`},
		{"events are answered in order", inside(3, `421["message-with-ack",1]`, `42["message",2]`, `423["message-with-ack",3]`), `
			ws > 421["message-with-ack",1]
			ws > 42["message",2]
			ws > 423["message-with-ack",3]
			ws < 431[1]
			ws < 42["message-back",2]
			ws < 433[3]`},
		{"unknown packet type", ends("4abc"), `
			ws > 4abc
			ws < closed 1005
			left: parse error`},
		{"payload that is not an array", ends("42{}"), `
			ws > 42{}
			ws < closed 1005
			left: parse error`},
		{"payload that is an empty array", ends("42[]"), `
			ws > 42[]
			ws < closed 1005
			left: parse error`},
		{"no payload", func(p *play) {
			s := p.enterWS()
			s.send("42")
			s.outcome()
		}, `
			ws > 42
			ws < closed 1005
			left: parse error`},
		{"invalid ack id", ends(`42abc["message-with-ack",1]`), `
			ws > 42abc["message-with-ack",1]
			ws < closed 1005
			left: parse error`},
	})
}
