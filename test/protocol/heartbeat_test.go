package protocol_test

import (
	"strings"
	"testing"
)

// TestHeartbeat follows the specifications of pings and timeouts, with short intervals.
func TestHeartbeat(t *testing.T) {
	compareAll(t, newBench(t, quick), []scene{
		{"polling: the handshake has the intervals", func(p *play) {
			p.request("GET", "?EIO=4&transport=polling")
		}, `GET ?EIO=4&transport=polling: 200 0{"sid":"ID","upgrades":["websocket"],"pingInterval":1200,"pingTimeout":800,"maxPayload":1000000}`},
		{"polling: ping and pong", func(p *play) {
			p.enter()
			for range 3 {
				p.get()
				p.post("3")
			}
		}, `
			GET: 200 2
			POST 3: 200 ok
			GET: 200 2
			POST 3: 200 ok
			GET: 200 2
			POST 3: 200 ok`},
		{"polling: no pong", func(p *play) {
			p.enter()
			p.get()
			p.notef("GET: %v", p.startGet().answer())
			p.left()
			p.get()
		}, `
			GET: 200 2
			GET: 200 1
			left: ping timeout
			GET: 400 {"code":1,"message":"Session ID unknown"}`},
		{"polling: no poll and no pong", func(p *play) {
			p.enter()
			p.left()
			p.get()
		}, `
			left: ping timeout
			GET: 400 {"code":1,"message":"Session ID unknown"}`},
		{"polling: data does not replace a pong", func(p *play) {
			p.enter()
			p.get()
			p.post(`42["message","still here"]`)
			p.get()
			p.get()
			p.left()
		}, `
			GET: 200 2
			POST 42["message","still here"]: 200 ok
			GET: 200 42["message-back","still here"]
			GET: 200 1
			left: ping timeout`},
		{"polling: a pong without a request", func(p *play) {
			p.enter()
			p.post("3\x1e3\x1e3hello")
			p.get()
			p.post("3")
			p.get()
		}, `
			POST 3␞3␞3hello: 200 ok
			GET: 200 2
			POST 3: 200 ok
			GET: 200 2`},
		{"polling: no CONNECT", func(p *play) {
			p.open()
			for {
				a := p.startGet().answer()
				if a.body != "2" {
					a.body = strings.TrimPrefix(a.body, "6\x1e") // of Node, when the end came between two polls
					p.notef("GET: %v", a)
					break
				}
				p.unrecorded(func() { p.post("3") })
			}
			p.get()
		}, `
			GET: 200 1
			GET: 400 {"code":1,"message":"Session ID unknown"}`},
		{"polling: no CONNECT, and no poll at the timeout", func(p *play) {
			p.open()
			p.awaitEnd()
		}, `gone: 400 {"code":1,"message":"Session ID unknown"}`},

		{"websocket: ping and pong", func(p *play) {
			s := p.enterWS()
			for range 3 {
				s.receive(1)
				s.send("3")
			}
			s.works()
		}, `
			ws < 2
			ws > 3
			ws < 2
			ws > 3
			ws < 2
			ws > 3
			ws works`},
		{"websocket: no pong", func(p *play) {
			s := p.enterWS()
			s.receiveAll()
			p.left()
		}, `
			ws < 2
			ws < closed 1005
			left: ping timeout`},
		{"websocket: data does not replace a pong", func(p *play) {
			s := p.enterWS()
			s.receive(1)
			s.works()
			s.receiveAll()
			p.left()
		}, `
			ws < 2
			ws works
			ws < closed 1005
			left: ping timeout`},
		{"websocket: continuous data does not replace a pong", func(p *play) {
			s := p.enterWS()
			got := "2"
			for i := 0; !strings.HasPrefix(got, "c"); i++ { // closed or dropped
				if got == "2" || strings.HasPrefix(got, "42") {
					s.write(textMessage, `42["message","still here"]`)
				}
				got = s.next()
				if i > 1_000_000 {
					t.Fatal("data keeps a session without pongs alive")
				}
			}
			p.notef("ws < %s", got)
			p.left()
		}, `
			ws < closed 1005
			left: ping timeout`},
		{"websocket: a pong without a request", func(p *play) {
			s := p.enterWS()
			s.send("3", "3", "3hello")
			s.receive(1)
			s.send("3")
			s.receive(1)
		}, `
			ws > 3
			ws > 3
			ws > 3hello
			ws < 2
			ws > 3
			ws < 2`},
		{"websocket: no CONNECT", func(p *play) {
			s := p.openWS()
			s.ponging = true
			s.receiveAll()
		}, `ws < closed 1005`},
		{"websocket: no CONNECT but to an unknown namespace", func(p *play) {
			s := p.openWS()
			s.ponging = true
			s.send("40/random,")
			s.receiveAll()
		}, `
			ws > 40/random,
			ws < 44/random,{"message":"Invalid namespace"}
			ws < closed 1005`},
		{"websocket: no namespace any more", func(p *play) {
			s := p.enterWS()
			s.send("41")
			for range 5 { // longer than ConnectTimeout
				if f := s.nextFrame(); f.ended {
					p.notef("ws < %s", f.text)
					return
				}
				s.write(textMessage, "3")
			}
			p.notef("the session stays")
		}, ""},

		{"upgrade: heartbeats continue", func(p *play) {
			p.enter()
			s := p.upgrade()
			s.receive(1)
			s.send("3")
			s.receive(1)
			s.receiveAll()
			p.left()
		}, `
			ws < 2
			ws > 3
			ws < 2
			ws < closed 1005
			left: ping timeout`},
		{"upgrade: never probed", func(p *play) {
			p.enter()
			s := p.dialSession()
			p.pollUntilClosed(s)
			p.worksPonging()
		}, `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws < closed 1005
			polling works`},
		{"upgrade: probed, never finished", func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			p.pollUntilClosed(s)
			p.worksPonging()
		}, `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws < 3probe
			ws < closed 1005
			polling works`},
		{"upgrade: retried after an incomplete one", func(p *play) {
			p.enter()
			p.pollUntilClosed(p.dialSession())
			s := p.upgrade()
			s.ponging = true
			s.works()
		}, `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws < closed 1005
			ws works`},
		{"upgrade: the session ends meanwhile", func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			p.post("1")
			p.left()
			s.receiveAll()
		}, `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws < 3probe
			POST 1: 200 ok
			left: transport close
			ws < closed 1005`},
	})
}

// pollUntilClosed keeps the polling side of a session alive until the server closes the
// websocket with the incomplete upgrade.
func (p *play) pollUntilClosed(s *socket) {
	p.t.Helper()
	over := make(chan frame, 1)
	go func() { over <- readFrame(p.t, s.conn) }()
	for {
		select {
		case f := <-over:
			p.notef("ws < %s", f.text)
			return
		default:
		}
		switch a := p.startGet().answer(); a.body {
		case "2":
			p.unrecorded(func() { p.post("3") })
		case "6":
		default:
			p.t.Fatalf("polling while the upgrade waits: %v", a)
		}
	}
}

// worksPonging is works for sessions with heartbeats.
func (p *play) worksPonging() {
	p.t.Helper()
	p.unrecorded(func() { p.post("3\x1e427[\"message-with-ack\",\"works\"]") })
	for {
		got := p.packets(1)
		if got[0] == "2" || got[0] == "6" {
			p.unrecorded(func() { p.post("3") })
			continue
		}
		if got[0] == `437["works"]` {
			p.notef("polling works")
		} else {
			p.notef("polling does not work: %s", strings.Join(got, " | "))
		}
		return
	}
}
