package protocol_test

import (
	"strings"
	"testing"
)

// TestUpgrades sends upgrades that violate the specification.
func TestUpgrades(t *testing.T) {
	// first opens a websocket for a session and sends something other than a probe.
	first := func(text string) func(p *play) {
		return func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send(text)
			s.receiveAll()
			p.works()
		}
	}
	compareAll(t, newBench(t, calm), []scene{
		{name: "wrong probe", play: first("2prob")},
		{name: "probe without payload", play: first("2")},
		{name: "message instead of a probe", play: first(`42["message",1]`)},
		{name: "pong instead of a probe", play: first("3probe")},
		{name: "close instead of a probe", play: first("1")},
		{name: "unknown packet instead of a probe", play: first("abc")},
		{name: "empty message instead of a probe", play: first("")},
		{name: "binary instead of a probe", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.sendBinary("\x01")
			s.receiveAll()
			p.works()
		}},
		{name: "no probe before the upgrade packet", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("5")
			s.works()
		}},
		{name: "two probes", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe", "2probe")
			s.receive(2)
			s.send("5")
			s.works()
		}},
		{name: "message between probe and upgrade", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			s.send(`42["message",1]`)
			s.receiveAll()
			p.workOrNoop()
		}},
		{name: "probe after the upgrade", play: func(p *play) {
			p.enter()
			s := p.upgrade()
			s.works()
			s.send("2probe")
			s.receiveAll()
			p.left()
		}},
		{name: "upgrade packet after the upgrade", play: func(p *play) {
			p.enter()
			s := p.upgrade()
			s.send("5")
			s.works()
		}},
		{name: "the websocket is closed before the probe", play: func(p *play) {
			p.enter()
			p.dialSession().leave()
			p.works()
			s := p.upgrade()
			s.works()
		}},
		{name: "the websocket is cut after the probe", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			s.cut()
			p.workOrNoop()
		}},
		{name: "polling continues during a probe", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			p.post(`427["message-with-ack","works"]`)
			got := p.packets(1)
			if got[0] == "6" {
				got = p.packets(1)
			}
			p.notef("poll < %s", got)
		}},
		{name: "second websocket while the first upgrades", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			if second := p.dialSession(); second != nil {
				second.receiveAll()
			}
			s.send("5")
			s.works()
		}},
		{name: "a session of websocket is not upgraded", play: func(p *play) {
			s := p.openWS()
			if second := p.dialSession(); second != nil {
				second.send("2probe")
				second.receive(1)
			}
			s.send("40")
			s.receive(2)
		}},
		{name: "upgrade before CONNECT", play: func(p *play) {
			p.open()
			s := p.upgrade()
			s.send("40")
			s.receive(2)
		}},
		{name: "the session is closed by polling while it upgrades", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			s.receive(1)
			p.post("1")
			p.left()
			s.receiveAll()
		}},
		{name: "the poll is cut while the session upgrades", play: func(p *play) {
			p.enter()
			s := p.dialSession()
			p.settle()
			p.heldPoll().cancel()
			p.left()
			s.send("2probe")
			s.receiveAll()
		}},
		{name: "a POST is half way when the upgrade ends", play: func(p *play) {
			p.enter()
			half := p.halfPost()
			s := p.upgrade()
			s.works()
			half.write("\"half a body\"]   ")
			p.notef("POST: %d", half.answer().status)
			s.outcome()
		}},
		{name: "a poll waits when the upgrade packet arrives immediately", play: func(p *play) {
			p.enter()
			waiting := p.heldPoll()
			s := p.dialSession()
			s.send("2probe", "5")
			s.receive(1)
			p.notef("GET: %v", waiting.answer())
			s.works()
		}},
		{name: "the websocket is cut after the upgrade", play: func(p *play) {
			p.enter()
			s := p.upgrade()
			s.works()
			s.cut()
			p.left()
			p.get()
		}},
		{name: "the websocket is closed after the upgrade", play: func(p *play) {
			p.enter()
			s := p.upgrade()
			s.works()
			s.leave()
			p.left()
			p.get()
		}},
	})
}

// workOrNoop is works after a probe, when a noop may wait for the next poll.
func (p *play) workOrNoop() {
	p.t.Helper()
	if a := p.startPost(`427["message-with-ack","works"]`).answer(); a.body != "ok" {
		p.notef("polling does not work: POST %v", a)
		return
	}
	got := p.packets(1)
	if got[0] == "6" {
		got = p.packets(1)
	}
	p.notef("poll < %s", strings.Join(got, " | "))
}
