package protocol_test

import (
	"strings"
	"testing"
)

// TestCloseCodes checks the codes with which our server closes a WebSocket; the reference sends
// none.
func TestCloseCodes(t *testing.T) {
	session := func(text string) func(p *play) *socket {
		return func(p *play) *socket {
			s := p.enterWS()
			s.send(text)
			return s
		}
	}
	upgrade := func(text string) func(p *play) *socket {
		return func(p *play) *socket {
			p.enter()
			s := p.dialSession()
			s.send(text)
			return s
		}
	}
	patient, hasty := startOurs(t, calm), startOurs(t, quick)
	for _, tt := range []struct {
		name string
		to   *target
		play func(p *play) *socket
		want string
	}{
		{"close packet", patient, session("1"), "closed 1000"},
		{"unknown Engine.IO packet", patient, session("abc"), "closed 1002"},
		{"packet of the other direction", patient, session("2"), "closed 1002"},
		{"unknown Socket.IO packet", patient, session("4abc"), "closed 1002"},
		{"second CONNECT", patient, session("40"), "closed 1002"},
		{"invalid UTF-8", patient, session("42[\"message\",\"\xff\"]"), "closed 1007"},
		{"over the limit", patient, session(strings.Repeat("4", maxPayload+1)), "closed 1009"},
		{"wrong probe", patient, upgrade("2prob"), "closed 1002"},
		{"the session ends while it upgrades", patient, func(p *play) *socket {
			s := upgrade("2probe")(p)
			s.receive(1)
			p.post("1")
			return s
		}, "closed 1001"},
		{"no pong", hasty, func(p *play) *socket {
			s := p.enterWS()
			s.receive(1)
			return s
		}, "closed 1001"},
		{"no CONNECT", hasty, func(p *play) *socket {
			s := p.openWS()
			s.ponging = true
			return s
		}, "closed 1001"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &play{t: t, target: tt.to}
			if got := tt.play(p).next(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			p.closeSessions()
			tt.to.witness.check(t)
		})
	}
}
